package policy

import (
	"fmt"
	"slices"
	"strings"
)

func (l *loader) rules() {
	seen := map[string]bool{baseRule: true}
	for i, r := range l.form.Rules {
		path := fmt.Sprintf("$.rules[%d]", i)
		l.id(path+".id", r.ID, seen)
		l.weights(path, r)
		l.text(path+".because", "rule "+r.ID, r.Because)
		l.truth(path+".arises", r.Arises)
		l.c.rules = append(l.c.rules, rule{ruleForm: r, when: l.condition(l.facts, path, r.When, r.Needs, nil), arises: r.Arises})
	}
}

// weights checks that the numbers of a rule agree with its side.
func (l *loader) weights(path string, r ruleForm) {
	_, grouped := l.c.groups[r.Group]
	switch {
	case r.Group != "" && !grouped:
		l.wrong(path+".group", "rule %s is of group %q, which groups: does not declare", r.ID, r.Group)
	case r.Points < -maxScore || r.Points > maxScore:
		l.wrong(path+".points", "rule %s has %d points; a score goes from 0 to %d", r.ID, r.Points, maxScore)
	case r.Floor < 0 || r.Floor > maxScore:
		l.wrong(path+".floor", "rule %s has the floor %d; a score goes from 0 to %d", r.ID, r.Floor, maxScore)
	case r.Cap != nil && (*r.Cap < 0 || *r.Cap > maxScore):
		l.wrong(path+".cap", "rule %s has the cap %d; a score goes from 0 to %d", r.ID, *r.Cap, maxScore)
	case (r.Floor > 0) != (r.FloorKind != ""):
		l.wrong(path, "rule %s: a floor has a floor_kind, so that it is known which floors are independent", r.ID)
	}
	switch r.Side {
	case SideNormal:
		if r.Points > 0 || r.Floor > 0 || r.Group != "" {
			l.wrong(path+".side", "rule %s speaks for normal: its points are 0 or less, and it has no floor and no group", r.ID)
		}
	case SideSuspicious:
		if r.Points < 0 || r.Cap != nil {
			l.wrong(path+".side", "rule %s speaks for suspicious: its points are 0 or more, and it has no cap", r.ID)
		}
	case SideInformation:
		if r.Points != 0 || r.Floor > 0 || r.Cap != nil || r.Group != "" {
			l.wrong(path+".side", "rule %s is information: it has neither points nor floor, cap or group", r.ID)
		}
	case SideUnconfirmed:
		l.wrong(path+".side", "rule %s: unconfirmed is what a rule becomes whose facts are not known; write suspicious, normal or information", r.ID)
	default:
		l.wrong(path, "rule %s: its side is %q; write suspicious, normal or information", r.ID, r.Side)
	}
}

func (l *loader) contradictions() {
	for i, f := range l.form.Contradictions {
		path := fmt.Sprintf("$.contradictions[%d]", i)
		if f.Side != "" && f.Side != SideSuspicious {
			l.wrong(path+".side", "a contradiction speaks for suspicious")
		}
		l.text(path, "a contradiction", f.Because)
		l.c.contradictions = append(l.c.contradictions, statement{SideSuspicious, l.condition(l.facts, path, f.When, f.Needs, nil), f.Because})
	}
}

func (l *loader) balance() {
	for i, f := range l.form.Balance {
		path := fmt.Sprintf("$.balance[%d]", i)
		if !slices.Contains([]Side{SideNormal, SideSuspicious, SideUnconfirmed}, f.Side) {
			l.wrong(path, "the side of a statement is %q; write normal, suspicious or unconfirmed", f.Side)
		}
		l.text(path, "a statement", f.Because)
		l.c.balance = append(l.c.balance, statement{f.Side, l.condition(l.facts, path, f.When, f.Needs, nil), f.Because})
	}
}

func (l *loader) evidence() {
	seen := map[string]bool{}
	for i, f := range l.form.Evidence {
		path := fmt.Sprintf("$.evidence[%d]", i)
		if len(f.Families) == 0 || len(f.Required) == 0 {
			l.wrong(path, "an entry names its families and the evidence they require")
		}
		for _, family := range f.Families {
			if seen[family] {
				l.wrong(path, "family %q stands twice", family)
			}
			seen[family] = true
			if choices := l.choices("finding.family"); family != "*" && !slices.Contains(choices, family) {
				l.wrongIn(path, family, unknownWord("family", family, choices))
			}
		}
		e, ids := evidence{families: f.Families}, map[string]bool{}
		for j, r := range f.Required {
			at := fmt.Sprintf("%s.required[%d]", path, j)
			l.id(at+".id", r.ID, ids)
			l.text(at, "required evidence "+r.ID, r.What)
			if len(r.Any) == 0 {
				l.wrong(at, "required evidence %s has no alternative; write any:", r.ID)
			}
			req := requirement{id: r.ID, what: r.What}
			for k, alt := range r.Any {
				req.any = append(req.any, l.proof(fmt.Sprintf("%s.any[%d]", at, k), alt, true))
			}
			e.required = append(e.required, req)
		}
		l.c.evidence = append(l.c.evidence, e)
	}
	if !seen["*"] {
		l.wrong("$.evidence", `no entry is for family "*", every other`)
	}
}

// decisions are the proofs that the verdict and its confidence ask for.
func (l *loader) decisions() {
	f := l.form
	l.c.event = l.proof("$.confidence.event", f.Confidence.Event, false)
	for i, p := range f.Confidence.Supporting {
		l.c.supporting = append(l.c.supporting, l.proof(fmt.Sprintf("$.confidence.supporting[%d]", i), p, false))
	}
	for i, p := range f.Benign.Actor {
		l.c.actor = append(l.c.actor, l.proof(fmt.Sprintf("$.benign.actor[%d]", i), p, false))
	}
	if len(f.Benign.Actor) == 0 {
		l.wrong("$.benign", "benign.actor is empty; say what proves who acted, such as a complete chain")
	}
	l.c.acceptedChain = l.proof("$.benign.accepted.chain", f.Benign.Accepted.Chain, false)
	l.c.testimony = l.proof("$.benign.accepted.testimony", f.Benign.Accepted.Testimony, false)
	l.c.explained = l.proof("$.explained", f.Explained, false)
}

// proof compiles one. It always asks for something: an empty proof would prove everything.
func (l *loader) proof(path string, f proofForm, levelled bool) proof {
	p := proof{proofForm: f, confidence: High}
	if len(f.Known) == 0 {
		l.wrong(path, "%s asks for nothing; name the features that must be known (known:)", strings.TrimPrefix(path, "$."))
		return p
	}
	for i, n := range f.Known {
		if _, ok := l.c.features[n]; !ok {
			l.wrongIn(fmt.Sprintf("%s.known[%d]", path, i), n, l.unknownFeature(n))
		}
	}
	if f.When != "" {
		c, err := l.facts.compile(f.When)
		if err != nil {
			l.wrongIn(path+".when", f.When, err)
		}
		for _, v := range c.vars {
			if !slices.Contains(f.Known, v) {
				l.wrongIn(path+".when", f.When, &mistake{
					offset: c.offsets[v], width: len(v), hint: "add it there",
					msg: fmt.Sprintf("the condition uses %s, which known: does not name", v),
				})
			}
		}
		p.when = c
	}
	l.truth(path+".arises", f.Arises)
	switch {
	case f.Confidence == "" && !levelled:
	case strings.EqualFold(f.Confidence, High.String()):
	case strings.EqualFold(f.Confidence, Medium.String()):
		p.confidence = Medium
	default:
		l.wrong(path, "confidence is %q; write high or medium: the most that this evidence allows", f.Confidence)
	}
	return p
}
