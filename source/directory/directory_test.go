package directory

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"uratori/evidence"
	"uratori/people"
	"uratori/source"
)

type fake struct {
	p   people.Person
	err error
}

func (fake) Name() string { return "entra" }

func (f fake) Person(ctx context.Context, _ string) (people.Person, error) {
	if err := source.MeterOf(ctx).Take("graph:users"); err != nil {
		return people.Person{}, err
	}
	source.MeterOf(ctx).Note(source.Call{API: "graph:users", Bytes: 10})
	return f.p, f.err
}

const upn = "sato.kaede@example.co.jp"

func look(t *testing.T, l Looker, key string) (evidence.Looked, error) {
	t.Helper()
	return l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPerson, Key: key})
}

func TestAPersonIsLookedUp(t *testing.T) {
	leaves := time.Date(2025, 9, 8, 15, 0, 0, 0, time.UTC)
	got, err := look(t, New(fake{p: people.Person{
		UPN: upn, ObjectID: "o", DisplayName: "佐藤", Company: "Example KK", Department: "会計", JobTitle: "t", EmployeeType: "Contractor", Enabled: true,
		Leaves: leaves, Manager: &people.Ref{UPN: "boss@example.co.jp"}, Sponsors: []people.Ref{{DisplayName: "誰か"}},
		Unseen: map[people.Attribute]people.Why{people.Hired: people.Forbidden, people.Mail: people.NotHeld, people.Created: people.NotStated, people.UserType: people.NoAnswer},
	}}), "Sato.Kaede@example.co.jp")
	if err != nil || got.Outcome != evidence.Found || got.Calls != 1 || got.Bytes != 10 {
		t.Fatalf("%+v, %v", got, err)
	}
	yes := true
	want := &evidence.LookedPerson{
		UPN: upn, ObjectID: "o", DisplayName: "佐藤", Company: "Example KK", Department: "会計", Title: "t", EmployeeType: "Contractor",
		Sponsor: "誰か", Enabled: &yes, Gone: &leaves,
	}
	if diff := cmp.Diff(want, got.Body.Person); diff != "" {
		t.Errorf("person (-want +got):\n%s", diff)
	}
	for name, o := range map[string]evidence.Outcome{
		"people:hired": evidence.Denied, "people:mail": evidence.NotCollected, "people:created": evidence.Empty, "people:user_type": evidence.Failed, "people:contract_end": evidence.Found,
	} {
		if p, ok := got.Body.Part(name); !ok || p.Outcome != o {
			t.Errorf("%s is %v; want %v", name, p.Outcome, o)
		}
	}
	if len(got.Body.Parts) != len(people.Attributes()) || got.Body.Whole() {
		t.Errorf("parts %v", got.Body.Parts)
	}
}

func TestWhoIsNotThere(t *testing.T) {
	for name, tt := range map[string]struct {
		f    fake
		want evidence.Outcome
		err  error
	}{
		"nobody":          {fake{p: people.Person{Missing: true}}, evidence.Empty, nil},
		"another":         {fake{p: people.Person{UPN: "other@example.co.jp"}}, evidence.NotCollected, nil},
		"a refusal":       {fake{err: source.ErrDenied}, 0, source.ErrDenied},
		"a disabled flag": {fake{p: people.Person{UPN: upn, Unseen: map[people.Attribute]people.Why{people.Enabled: people.Forbidden}}}, evidence.Found, nil},
	} {
		got, err := look(t, New(tt.f), upn)
		if !errors.Is(err, tt.err) || err == nil && got.Outcome != tt.want {
			t.Errorf("%s: %v, %v", name, got.Outcome, err)
		}
		if got.Body.Person != nil && got.Body.Person.Enabled != nil {
			t.Errorf("%s: enabled is told, and was not seen", name)
		}
	}
	if got, err := New(fake{}).Look(t.Context(), evidence.Lookup{Kind: evidence.LookBucket, Key: "x"}); err != nil || got.Outcome != evidence.NotCollected {
		t.Errorf("a bucket: %v, %v", got.Outcome, err)
	}
}

func TestAList(t *testing.T) {
	l, bad, err := people.ReadCSV(strings.NewReader("upn,department\n"+upn+",会計\n"), "people.csv", time.UTC)
	if err != nil || len(bad) > 0 {
		t.Fatal(err, bad)
	}
	got, err := look(t, List("people.csv", l), upn)
	if err != nil || got.Outcome != evidence.Found || got.Body.Person.Department != "会計" || got.Calls != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	// Who does not stand in the list is not proven to be nobody.
	if got, err := look(t, List("people.csv", l), "other@example.co.jp"); err != nil || got.Outcome != evidence.NotCollected {
		t.Errorf("somebody else: %v, %v", got.Outcome, err)
	}
}

func TestWholeAnswersAreRemembered(t *testing.T) {
	now := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		f     fake
		later time.Duration
		calls int
	}{
		"whole":            {fake{p: people.Person{UPN: upn}}, 59 * time.Minute, 0},
		"nobody":           {fake{p: people.Person{Missing: true}}, 59 * time.Minute, 0},
		"after its life":   {fake{p: people.Person{UPN: upn}}, time.Hour, 1},
		"not held in part": {fake{p: people.Person{UPN: upn, Unseen: map[people.Attribute]people.Why{people.Hired: people.NotHeld}}}, 0, 0},
		"partly refused":   {fake{p: people.Person{UPN: upn, Unseen: map[people.Attribute]people.Why{people.Hired: people.Forbidden}}}, 0, 1},
	} {
		at := now
		l := source.Remember(New(tt.f), source.DefaultLives(), func() time.Time { return at })
		first, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPerson, Key: upn})
		if err != nil || first.Calls != 1 {
			t.Fatalf("%s: %+v, %v", name, first, err)
		}
		at = now.Add(tt.later)
		second, err := l.Look(t.Context(), evidence.Lookup{Kind: evidence.LookPerson, Key: upn})
		if err != nil || second.Calls != tt.calls {
			t.Errorf("%s: the second answer took %d calls, %v; want %d", name, second.Calls, err, tt.calls)
		}
		if string(first.Body.Encode()) != string(second.Body.Encode()) || first.Outcome != second.Outcome {
			t.Errorf("%s: what was remembered is not what was said", name)
		}
	}
}
