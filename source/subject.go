package source

import (
	"context"

	"uratori/query"
)

// A Subject is what a question is about beyond its scope, for a source that can tell of single
// things whether their log is on. Every text may be hostile.
type Subject struct {
	Where      query.Expr // of the question; nil when coverage alone is asked for
	Region     string     // of the things below
	VPC        string     // vpc-...
	Subnet     string     // subnet-...
	Interfaces []string   // eni-...
	Instance   string     // i-...
}

type subjectKey struct{}

// WithSubject returns a context in which coverage is asked for the sake of one question.
func WithSubject(ctx context.Context, s Subject) context.Context {
	return context.WithValue(ctx, subjectKey{}, s)
}

// SubjectOf is the subject of a context; the zero subject when none was given.
func SubjectOf(ctx context.Context) Subject {
	s, _ := ctx.Value(subjectKey{}).(Subject)
	return s
}
