package fact

import (
	"time"

	"uratori/calendar"
	"uratori/evidence"
	"uratori/finding"
)

// Facts are all facts of one case, with the finding and the evidence they came from.
// Only [Derive] makes them.
type Facts struct {
	finding  finding.Finding
	set      evidence.Set
	settings Settings
	calendar calendar.Calendar
	asOf     time.Time
	list     []Fact
	byID     map[ID]int
	byKey    map[Key][]int
}

// Finding is the finding the facts are about.
func (fs Facts) Finding() finding.Finding { return fs.finding }

// Evidence is what the facts came from.
func (fs Facts) Evidence() evidence.Set { return fs.set }

// Settings are the settings that the facts used.
func (fs Facts) Settings() Settings { return fs.settings }

// Calendar is the zone, the business hours and the holidays that the facts used.
func (fs Facts) Calendar() calendar.Calendar { return fs.calendar }

// AsOf is the newest evidence time, UTC: the report's only clock.
func (fs Facts) AsOf() time.Time { return fs.asOf }

// All are the facts by number: every declared fact that cases of the finding's family have,
// Known or not.
func (fs Facts) All() []Fact { return fs.list }

// ByID is the fact with that number.
func (fs Facts) ByID(id ID) (Fact, bool) {
	i, ok := fs.byID[id]
	if !ok {
		return Fact{}, false
	}
	return fs.list[i], true
}

// Get is the fact of that key and subject. If there is none, it is one without an id: not
// applicable where cases of other families have it or no question asks for it, else Unknown.
func (fs Facts) Get(key Key, subject string) Fact {
	for _, i := range fs.byKey[key] {
		if fs.list[i].Subject == subject {
			return fs.list[i]
		}
	}
	f := Fact{Key: key, Subject: subject}
	if d, ok := DefOf(key); ok && (d.Asked || !d.arises(fs.finding)) {
		f.State = NotApplicable
	}
	return f
}

// Of are the facts of that key for every subject, by number.
func (fs Facts) Of(key Key) []Fact {
	var out []Fact
	for _, i := range fs.byKey[key] {
		out = append(out, fs.list[i])
	}
	return out
}
