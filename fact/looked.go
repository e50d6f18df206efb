package fact

import (
	"slices"

	"uratori/evidence"
)

// looks tells whether a fact exists in this case. One about what was looked up exists only if
// somebody looked: without a looker configured nobody asked, and the report says nothing of it.
func (v *view) looks(d Def) bool {
	if d.If != nil && !d.If(v) {
		return false
	}
	if d.Looks == "" {
		return true
	}
	_, asked := v.set.LookedFor(d.Looks, string(d.Key))
	return asked
}

// lookGap is the key of the gap of a look-up that was not answered, by its kind.
func lookGap(kind evidence.LookupKind) string { return "look_" + string(kind) }

// looked is what was looked up for a fact. When it was not found, ok is false and why is the
// fact's result: NotApplicable when the thing is proven not to exist.
func (v *view) looked(kind evidence.LookupKind, key Key) (b evidence.Body, ref Ref, why result, ok bool) {
	it, asked := v.set.LookedFor(kind, string(key))
	if !asked {
		return b, "", unknown("question"), false
	}
	ref = Ref(it.ID)
	switch it.Answer.Outcome {
	case evidence.Found:
		if b, ok = it.Looked(); ok {
			return b, ref, result{}, true
		}
		return b, ref, result{state: Unknown, gap: Gap{Key: lookGap(kind), Outcome: evidence.Failed}, from: []Ref{ref}}, false
	case evidence.Empty:
		return b, ref, notApplicable(ref), false
	case evidence.NotAsked:
		return b, ref, result{state: Unknown, gap: Gap{Key: missingKey(it.Missing), Outcome: evidence.NotAsked}, from: []Ref{ref}}, false
	case evidence.Truncated, evidence.NotCollected, evidence.NotYet, evidence.Denied, evidence.Throttled, evidence.Failed:
	}
	return b, ref, result{state: Unknown, gap: Gap{Key: lookGap(kind), Outcome: it.Answer.Outcome}, from: []Ref{ref}}, false
}

// answered tells whether the parts that a fact needs were answered; else why is its result.
func answered(b evidence.Body, ref Ref, parts ...string) (why result, ok bool) {
	for _, name := range parts {
		p, made := b.Part(name)
		if !made {
			p.Outcome = evidence.Failed
		}
		if p.Outcome != evidence.Found && p.Outcome != evidence.Empty {
			return result{state: Unknown, gap: Gap{Key: lookGap(b.Kind), Outcome: p.Outcome}, from: []Ref{ref}}, false
		}
	}
	return result{}, true
}

// ofLooked is a rule over one kind of look-up, with the parts that must have answered.
func ofLooked(kind evidence.LookupKind, key Key, parts []string, get func(v *view, b evidence.Body, ref Ref) result) func(*view, string) result {
	return func(v *view, _ string) result {
		b, ref, why, ok := v.looked(kind, key)
		if !ok {
			return why
		}
		if why, ok := answered(b, ref, parts...); !ok {
			return why
		}
		return get(v, b, ref)
	}
}

// existed tells whether the thing that was looked up exists.
func existed(kind evidence.LookupKind, key Key) func(*view, string) result {
	return func(v *view, _ string) result {
		_, ref, why, ok := v.looked(kind, key)
		switch {
		case ok:
			return known(BoolOf(true), ref)
		case why.state == NotApplicable:
			return known(BoolOf(false), ref)
		}
		return why
	}
}

// toldLooked is a text that was looked up; an empty one is none.
func toldLooked(text string, ref Ref) result {
	if text == "" {
		return notApplicable(ref)
	}
	return known(TextOf(text), ref)
}

// listed is a list that was looked up, cut to what a report can show.
func listed(list []string, ref Ref) result {
	list = sortedCopy(list)
	switch {
	case len(list) == 0:
		return notApplicable(ref)
	case len(list) > maxListed:
		return known(TextsOf(list[:maxListed], true), ref)
	}
	return known(TextsOf(list, false), ref)
}

// maxListed is how many entries of a list are kept in a fact, as elsewhere in this package.
const maxListed = 20

// tagged prints tags as "key=value".
func tagged(tags []evidence.Tag) []string {
	var out []string
	for _, t := range tags {
		out = append(out, t.Key+"="+t.Value)
	}
	slices.Sort(out)
	return out
}
