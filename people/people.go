// Package people is what is known of the humans behind principals: as a directory tells it, or as
// an operator's list does.
//
// What could not be seen is said: an empty field of a [Person] means "none" only if the person was
// seen in it. The package opens no connection.
package people

import (
	"slices"
	"strings"
	"time"
)

// An Attribute names what may be known of a person. Its text is the column of an operator's list.
type Attribute string

// The attributes.
const (
	ObjectID     Attribute = "object_id"     // id in the directory
	DisplayName  Attribute = "display_name"  // such as "山田 太郎"
	Mail         Attribute = "mail"          // address
	Company      Attribute = "company"       // employer
	Department   Attribute = "department"    // organisational unit
	JobTitle     Attribute = "job_title"     // as the company writes it
	EmployeeType Attribute = "employee_type" // as the company writes it, such as "Employee" or "Contractor"
	UserType     Attribute = "user_type"     // member or guest
	Enabled      Attribute = "enabled"       // may sign in
	Created      Attribute = "created"       // when the account was made
	Hired        Attribute = "hired"         // first day
	ContractEnd  Attribute = "contract_end"  // when the person leaves
	Manager      Attribute = "manager"       // whom the person reports to
	Sponsors     Attribute = "sponsor"       // who answers for a guest
)

// Attributes are all attributes, in the order of a report.
func Attributes() []Attribute {
	return []Attribute{ObjectID, DisplayName, Mail, Company, Department, JobTitle, EmployeeType, UserType, Enabled, Created, Hired, ContractEnd, Manager, Sponsors}
}

// A Why says why an attribute was not seen.
type Why string

// The reasons.
const (
	NotHeld   Why = "not_held"   // the place that was asked does not hold it
	Forbidden Why = "forbidden"  // we may not read it
	NoAnswer  Why = "no_answer"  // the place did not answer, or answered nonsense
	NotStated Why = "not_stated" // it has a place for it, and nothing stands there
)

// A Ref names another person. Some of its fields may be empty.
type Ref struct {
	UPN         string // folded to lower case
	ObjectID    string
	DisplayName string
	Mail        string
}

// A Person is one human, or one account that is taken for one. Texts may be hostile.
type Person struct {
	UPN          string // user principal name, folded to lower case
	ObjectID     string // does not change when the person is renamed
	DisplayName  string
	Mail         string
	Company      string
	Department   string
	JobTitle     string
	EmployeeType string
	Guest        bool      // see UserType
	Enabled      bool      // the account may sign in
	Created      time.Time // UTC; zero when not seen
	Hired        time.Time // UTC; zero for none
	Leaves       time.Time // the moment from which the person is gone, UTC; zero for none
	Manager      *Ref
	Sponsors     []Ref // sorted by UPN, object id

	Missing bool              // nobody of that name is known there: deleted, or never there
	Unseen  map[Attribute]Why // what was not seen; an attribute that does not stand here was
	Source  string            // who tells, such as "entra" or the name of a file
	Line    int               // of an operator's list; 0 elsewhere
}

// Sees tells whether an attribute was seen, so that an empty value means "none".
func (p Person) Sees(a Attribute) bool {
	_, unseen := p.Unseen[a]
	return !p.Missing && !unseen
}

// A Standing says whether a person may be expected to work.
type Standing string

// The standings.
const (
	Active   Standing = "active"
	Disabled Standing = "disabled"  // the account may not sign in
	Left     Standing = "left"      // the last day has passed
	NotFound Standing = "not_found" // nobody of that name
	Unclear  Standing = "unclear"   // nothing that was seen says so
)

// Standing is how the person stood at a moment. Disabled is as of when the person was read, since
// no directory tells when it came to be.
func (p Person) Standing(at time.Time) Standing {
	switch {
	case p.Missing:
		return NotFound
	case p.Sees(ContractEnd) && !p.Leaves.IsZero() && !at.Before(p.Leaves):
		return Left
	case !p.Sees(Enabled):
		return Unclear
	case !p.Enabled:
		return Disabled
	}
	return Active
}

// Fold is the form in which user principal names are compared.
func Fold(upn string) string { return strings.ToLower(strings.TrimSpace(upn)) }

// SortRefs puts refs into their one order.
func SortRefs(refs []Ref) {
	slices.SortFunc(refs, func(a, b Ref) int {
		if c := strings.Compare(a.UPN, b.UPN); c != 0 {
			return c
		}
		return strings.Compare(a.ObjectID, b.ObjectID)
	})
}

// A List is people by user principal name.
type List struct {
	people map[string]Person
	order  []string
}

// Person is the person of that user principal name; case does not matter.
func (l *List) Person(upn string) (Person, bool) {
	p, ok := l.people[Fold(upn)]
	return p, ok
}

// All are the people in the order of the list.
func (l *List) All() []Person {
	out := make([]Person, 0, len(l.order))
	for _, upn := range l.order {
		out = append(out, l.people[upn])
	}
	return out
}

// Len is how many people there are.
func (l *List) Len() int { return len(l.order) }
