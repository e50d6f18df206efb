package source

import (
	"context"

	"uratori/query"
)

type scopeKey struct{}

// WithScope returns a context in which a question is asked for a scope. A place that keeps logs
// by account and Region asks there, and knows from the kind whether it holds such records at all;
// the question itself need not name them.
func WithScope(ctx context.Context, s query.Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// ScopeOf is the scope that the context's question is asked for; the zero scope when none was given.
func ScopeOf(ctx context.Context) query.Scope {
	s, _ := ctx.Value(scopeKey{}).(query.Scope)
	return s
}
