package source

import (
	"context"
	"slices"
	"sync"
	"time"

	"uratori/evidence"
)

// A Looker tells what is known about one thing now: an account, a user, a key, a bucket.
// Unlike a [Source] it holds no log and covers no window. It is safe for concurrent use.
type Looker interface {
	// Name is the looker's name in the configuration, such as "aws-prod".
	Name() string
	// Looks are the kinds it can look up.
	Looks() []evidence.LookupKind
	// Look looks one thing up. A refusal is an Outcome of the answer, or an error that wraps
	// one of this package's; Empty says that the thing was proven not to exist. The error is
	// for answers that never came.
	Look(ctx context.Context, l evidence.Lookup) (evidence.Looked, error)
}

// Lives say how long what was looked up may be told again, by kind. A kind without a life is
// always looked up anew.
type Lives map[evidence.LookupKind]time.Duration

// DefaultLives are the lives of answers that change rarely: accounts, people and permission sets. What a case
// wants to know as it is now, such as a bucket's exposure, is not among them.
func DefaultLives() Lives {
	return Lives{
		evidence.LookAccount:       24 * time.Hour,
		evidence.LookUser:          time.Hour,
		evidence.LookPerson:        time.Hour,
		evidence.LookPermissionSet: time.Hour, // it is found by asking after each one of the account
	}
}

// maxRemembered bounds the answers that one looker's memory holds.
const maxRemembered = 10_000

// Remember returns a looker that tells again what l said, for as long as its kind lives.
// What was refused or did not come, in whole or in any part, is asked again.
func Remember(l Looker, lives Lives, now func() time.Time) Looker {
	return &remembering{Looker: l, lives: lives, now: now, said: map[evidence.Lookup]remembered{}}
}

// passing tells whether a part may be answered another time: it was refused or did not come. What
// the other side does not hold, it will not hold in an hour.
func passing(p evidence.Part) bool {
	return p.Outcome != evidence.Found && p.Outcome != evidence.Empty && p.Outcome != evidence.NotCollected
}

type remembering struct {
	Looker
	lives Lives
	now   func() time.Time

	mu   sync.Mutex
	said map[evidence.Lookup]remembered
}

type remembered struct {
	looked evidence.Looked
	until  time.Time
}

func (r *remembering) Look(ctx context.Context, l evidence.Lookup) (evidence.Looked, error) {
	life := r.lives[l.Kind]
	if life <= 0 {
		return r.Looker.Look(ctx, l)
	}
	r.mu.Lock()
	have, ok := r.said[l]
	r.mu.Unlock()
	if ok && r.now().Before(have.until) {
		have.looked.Calls, have.looked.Bytes = 0, 0
		return have.looked, ctx.Err()
	}
	said, err := r.Looker.Look(ctx, l)
	if err != nil || said.Outcome != evidence.Found && said.Outcome != evidence.Empty || slices.ContainsFunc(said.Body.Parts, passing) {
		return said, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.said) >= maxRemembered {
		clear(r.said)
	}
	r.said[l] = remembered{said, r.now().Add(life)}
	return said, nil
}
