package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// An Odd is a record, or several, that a service returned and that could not be read: it is counted
// and set aside as one of a file is, and never in silence.
type Odd struct {
	Source   string // name of the source
	Position string // what tells the record from others wherever it is met again, see [PositionOf]
	Reason   string // in our own words: the record's text may be hostile
	N        int64  // records; 0 means 1
}

// PositionOf tells a record from others by what it is.
func PositionOf(record []byte) string {
	sum := sha256.Sum256(record)
	return "sha256:" + hex.EncodeToString(sum[:6])
}

type oddKey struct{}

// WithOdds returns a context in which records that cannot be read are handed to keep, which may be
// called concurrently, and of the same record more than once.
func WithOdds(ctx context.Context, keep func(Odd)) context.Context {
	return context.WithValue(ctx, oddKey{}, keep)
}

// TellOdd hands a record that could not be read to whoever gathers evidence; without one it is
// forgotten.
func TellOdd(ctx context.Context, o Odd) {
	if keep, ok := ctx.Value(oddKey{}).(func(Odd)); ok {
		keep(o)
	}
}
