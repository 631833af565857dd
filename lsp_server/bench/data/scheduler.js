// Runs jobs at intervals, one at a time, and remembers how they went.

const EventEmitter = require("node:events");

/** A function with a name and an interval in milliseconds. */
class Job {
  constructor(name, interval, run) {
    if (typeof run !== "function") {
      throw new TypeError(`job ${name} has nothing to run`);
    }
    this.name = name;
    this.interval = interval;
    this.run = run;
    this.failures = 0;
    this.lastRun = null;
  }

  isDue(now) {
    return this.lastRun === null || now - this.lastRun >= this.interval;
  }
}

class Scheduler extends EventEmitter {
  constructor({ tick = 1000, maxFailures = 3 } = {}) {
    super();
    this.tick = tick;
    this.maxFailures = maxFailures;
    this.jobs = new Map();
    this.timer = null;
  }

  add(name, interval, run) {
    if (this.jobs.has(name)) {
      throw new Error(`there is a job named ${name} already`);
    }
    const job = new Job(name, interval, run);
    this.jobs.set(name, job);
    this.emit("added", job);
    return job;
  }

  remove(name) {
    const job = this.jobs.get(name);
    if (!job) {
      return false;
    }
    this.jobs.delete(name);
    this.emit("removed", job);
    return true;
  }

  start() {
    if (this.timer !== null) {
      return;
    }
    this.timer = setInterval(() => this.runDueJobs(Date.now()), this.tick);
  }

  stop() {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  async runDueJobs(now) {
    for (const job of this.jobs.values()) {
      if (job.isDue(now)) {
        await this.runJob(job, now);
      }
    }
  }

  async runJob(job, now) {
    job.lastRun = now;
    try {
      const result = await job.run();
      job.failures = 0;
      this.emit("done", job, result);
    } catch (error) {
      job.failures += 1;
      this.emit("failed", job, error);
      if (job.failures >= this.maxFailures) {
        this.remove(job.name);
      }
    }
  }
}

function parseInterval(text) {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text);
  if (!match) {
    throw new Error(`not an interval: ${text}`);
  }
  const [, amount, unit] = match;
  const factors = { ms: 1, s: 1000, m: 60 * 1000, h: 60 * 60 * 1000 };
  return Number(amount) * factors[unit];
}

module.exports = { Job, Scheduler, parseInterval };
