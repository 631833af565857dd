package store

import (
	"errors"
	"fmt"
)

// ErrMissing says that there is no such part.
var ErrMissing = errors.New("no such part")

type Part struct {
	Name  string
	Price float64
	Tags  []string
}

type Store struct {
	parts map[string]Part
}

func (s *Store) Add(part Part) error {
	if _, known := s.parts[part.Name]; known {
		return fmt.Errorf("part %q exists", part.Name)
	}
	s.parts[part.Name] = part
	return nil
}

func (s *Store) Total(rate func(Part) float64) (sum float64) {
	for _, part := range s.parts {
		switch {
		case part.Price < 0:
			continue
		default:
			sum += part.Price * rate(part)
		}
	}
	return sum
}

var example = map[string]Part{
	"bolt": {Name: "bolt", Price: 0.1, Tags: []string{"metal", "small"}},
	"path": {Name: `C:\parts\`, Price: float64('x')},
}
