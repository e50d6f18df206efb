// Package directory looks people up: in a directory such as Entra ID, or in an operator's list.
//
// What a directory may not tell, or does not hold, is a part of the look-up that was not answered,
// so that "no end of the contract" is told from "the end could not be read".
package directory

import (
	"context"
	"slices"
	"time"

	"uratori/evidence"
	"uratori/people"
	"uratori/source"
)

// A Reader is a place that knows people by user principal name. Nobody of that name is a Person
// who is Missing; the error wraps one of package source's.
type Reader interface {
	Name() string
	Person(ctx context.Context, upn string) (people.Person, error)
}

// A Looker looks people up at a reader. It is safe for concurrent use if its reader is.
type Looker struct {
	from Reader
	some bool // it holds only some people: who is not there is not proven to be nobody
}

// New returns a looker over a reader.
func New(from Reader) Looker { return Looker{from: from} }

// Name is the reader's name.
func (l Looker) Name() string { return l.from.Name() }

// Looks are the kinds that it looks up.
func (Looker) Looks() []evidence.LookupKind { return []evidence.LookupKind{evidence.LookPerson} }

// Look looks a person up by user principal name.
func (l Looker) Look(ctx context.Context, what evidence.Lookup) (evidence.Looked, error) {
	if what.Kind != evidence.LookPerson {
		return evidence.Looked{Outcome: evidence.NotCollected, Reason: "a directory looks up people only"}, ctx.Err()
	}
	out := evidence.Looked{Outcome: evidence.Found, Native: l.from.Name() + ": person " + what.Key}
	var n counter
	p, err := l.from.Person(source.WithMeter(ctx, metering{source.MeterOf(ctx), &n}), what.Key)
	out.Calls, out.Bytes = n.calls, n.bytes
	switch {
	case err != nil:
		return out, err
	case p.Missing && l.some:
		out.Outcome, out.Reason = evidence.NotCollected, "the person does not stand in the list"
		return out, nil
	case p.Missing:
		out.Outcome, out.Reason = evidence.Empty, "nobody of that name is known there"
		return out, nil
	case people.Fold(p.UPN) != people.Fold(what.Key):
		out.Outcome, out.Reason = evidence.NotCollected, "the directory answers with a person of another name"
		return out, nil
	}
	out.Body = Body(what.Key, p)
	return out, nil
}

// Body is a person as a look-up keeps them.
func Body(key string, p people.Person) evidence.Body {
	b := evidence.Body{Kind: evidence.LookPerson, Key: key, Person: &evidence.LookedPerson{
		UPN: p.UPN, ObjectID: p.ObjectID, DisplayName: p.DisplayName, Department: p.Department, Company: p.Company,
		Title: p.JobTitle, EmployeeType: p.EmployeeType, Sponsor: answersFor(p), Starts: moment(p.Hired), Gone: moment(p.Leaves),
	}}
	if p.Sees(people.Enabled) {
		enabled := p.Enabled
		b.Person.Enabled = &enabled
	}
	for _, a := range people.Attributes() {
		part := evidence.Part{Name: "people:" + string(a), Outcome: evidence.Found}
		if why, unseen := p.Unseen[a]; unseen {
			part.Outcome, part.Reason = outcomes[why], string(why)
			if part.Outcome == 0 {
				part.Outcome = evidence.Failed
			}
		}
		b.Parts = append(b.Parts, part)
	}
	return b
}

// outcomes are why an attribute was not seen, as outcomes of its part. What has a place and is not
// stated is an answer.
var outcomes = map[people.Why]evidence.Outcome{
	people.NotHeld: evidence.NotCollected, people.Forbidden: evidence.Denied, people.NoAnswer: evidence.Failed, people.NotStated: evidence.Empty,
}

// answersFor is who answers for a person: the first sponsor, else the manager.
func answersFor(p people.Person) string {
	refs := slices.Clone(p.Sponsors)
	if p.Manager != nil {
		refs = append(refs, *p.Manager)
	}
	for _, r := range refs {
		for _, s := range []string{r.UPN, r.Mail, r.DisplayName} {
			if s != "" {
				return s
			}
		}
	}
	return ""
}

func moment(t time.Time) *time.Time {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	u := t.UTC().Truncate(time.Microsecond)
	return &u
}

// A counter counts the calls of one look-up.
type counter struct {
	calls int
	bytes int64
}

// metering counts calls on their way to the meter. A reader makes its calls one after the other.
type metering struct {
	source.Meter
	n *counter
}

func (m metering) Note(c source.Call) {
	m.n.calls++
	m.n.bytes += c.Bytes
	m.Meter.Note(c)
}

// A list is an operator's list under a name.
type list struct {
	name   string
	people *people.List
}

// List returns a looker over an operator's list. Who does not stand in it is not proven to be unknown
// to the company.
func List(name string, l *people.List) Looker { return Looker{from: list{name, l}, some: true} }

func (l list) Name() string { return l.name }

// Person is who stands in the list.
func (l list) Person(ctx context.Context, upn string) (people.Person, error) {
	p, ok := l.people.Person(upn)
	if !ok {
		return people.Person{Source: l.name, Missing: true, UPN: people.Fold(upn)}, ctx.Err()
	}
	return p, ctx.Err()
}
