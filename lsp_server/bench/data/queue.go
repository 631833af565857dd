// Package queue keeps jobs in order of their priority, and retries those that fail.
package queue

import (
	"container/heap"
	"errors"
	"sync"
	"time"
)

// ErrClosed is returned when a job is added to a queue that was closed.
var ErrClosed = errors.New("the queue is closed")

// Job is one piece of work.
type Job struct {
	ID       string
	Priority int
	Attempts int
	NotUntil time.Time
	Run      func() error
}

type jobs []*Job

func (j jobs) Len() int { return len(j) }

func (j jobs) Less(a, b int) bool {
	if j[a].Priority != j[b].Priority {
		return j[a].Priority > j[b].Priority
	}
	return j[a].NotUntil.Before(j[b].NotUntil)
}

func (j jobs) Swap(a, b int) { j[a], j[b] = j[b], j[a] }

func (j *jobs) Push(job any) { *j = append(*j, job.(*Job)) }

func (j *jobs) Pop() any {
	last := len(*j) - 1
	job := (*j)[last]
	*j = (*j)[:last]
	return job
}

// Queue runs jobs, the most urgent first.
type Queue struct {
	mutex       sync.Mutex
	waiting     jobs
	closed      bool
	maxAttempts int
	backoff     time.Duration
	now         func() time.Time
}

// New makes a queue that gives up a job after maxAttempts failures.
func New(maxAttempts int, backoff time.Duration) *Queue {
	return &Queue{maxAttempts: maxAttempts, backoff: backoff, now: time.Now}
}

// Add puts a job into the queue.
func (q *Queue) Add(job *Job) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closed {
		return ErrClosed
	}
	heap.Push(&q.waiting, job)
	return nil
}

// Len returns how many jobs wait.
func (q *Queue) Len() int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.waiting)
}

// Next takes out the most urgent job that may run now, or nil.
func (q *Queue) Next() *Job {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if len(q.waiting) == 0 || q.waiting[0].NotUntil.After(q.now()) {
		return nil
	}
	return heap.Pop(&q.waiting).(*Job)
}

// RunOne runs one job; a failed one is put back with a longer pause each time.
func (q *Queue) RunOne() (bool, error) {
	job := q.Next()
	if job == nil {
		return false, nil
	}
	job.Attempts++
	err := job.Run()
	if err == nil {
		return true, nil
	}
	if job.Attempts >= q.maxAttempts {
		return true, err
	}
	job.NotUntil = q.now().Add(q.backoff * time.Duration(job.Attempts))
	return true, q.Add(job)
}

// Close refuses jobs from now on; those that wait may still be taken out.
func (q *Queue) Close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.closed = true
}
