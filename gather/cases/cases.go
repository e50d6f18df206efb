// Package cases holds playbooks against table cases: which playbook a finding gets, what is asked
// in which round, with which values, and what is not asked and why.
//
// A case is run by the same code that runs a real one. Only the answers are its own: what stands
// under answers: is what the log says, and every other question finds nothing in a whole log.
package cases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/gather"
	"uratori/ledger"
	"uratori/playbook"
	"uratori/query"
	"uratori/source"
	"uratori/strictyaml"
)

// schema is the form of the files that this version reads.
const schema = "uratori.playbook-cases/1"

// maxMistakes is how many mistakes of a file are told at once.
const maxMistakes = 10

// The form of a file of cases.
type (
	fileForm struct {
		Schema   string         `yaml:"schema"`
		Finding  map[string]any `yaml:"finding"` // what every case begins with, as GetFindings has it
		Settings settingsForm   `yaml:"settings"`
		Cases    []caseForm     `yaml:"cases"`
	}
	settingsForm struct {
		IdentityCenter string       `yaml:"identity_center"` // account that records the access portal
		People         []personForm `yaml:"people"`
	}
	personForm struct {
		UPN               string `yaml:"upn"`
		IdentityStoreUser string `yaml:"identity_store_user"`
	}
	caseForm struct {
		Name         string                      `yaml:"name"`
		Finding      map[string]any              `yaml:"finding"` // laid over the common one; null takes a member away
		Answers      map[string][]map[string]any `yaml:"answers"` // rows by question
		NotCollected []string                    `yaml:"not_collected"`
		Denied       []string                    `yaml:"denied"` // questions that the source refuses
		Want         wantForm                    `yaml:"want"`
	}
	wantForm struct {
		Playbook string               `yaml:"playbook"`
		Rounds   [][]string           `yaml:"rounds"`    // all questions of each round, in any order
		Bound    map[string]boundForm `yaml:"bound"`     // what some of them became
		NotAsked map[string][]string  `yaml:"not_asked"` // all that are not asked, with the facts that never came
	}
	boundForm struct {
		Where   string `yaml:"where"`
		From    string `yaml:"from"`
		To      string `yaml:"to"`
		Kind    string `yaml:"kind"`
		Account string `yaml:"account"`
		Region  string `yaml:"region"`
	}
)

// A Result is what became of a case.
type Result struct {
	Name  string
	Wrong []string // one difference each, of one line or more; empty when the case holds
}

// Run runs the cases of a file over some playbooks. The error is for a file that cannot be read;
// a case that does not hold says what is wrong.
func Run(ctx context.Context, books playbook.Set, name string, data []byte) ([]Result, error) {
	var f fileForm
	if err := strictyaml.Decode(name, data, &f); err != nil {
		return nil, err
	}
	r := &reader{name: name, data: data, form: f}
	if f.Schema != schema {
		r.wrong("$.schema", "schema is %q; write %q, the form that this version reads", f.Schema, schema)
	}
	if len(f.Cases) == 0 {
		r.wrong("$", "there are no cases")
	}
	var out []Result
	for i, c := range f.Cases {
		if len(r.mistakes) > 0 && f.Schema != schema {
			break
		}
		res, err := r.run(ctx, books, fmt.Sprintf("$.cases[%d]", i), c)
		if err != nil {
			return nil, err
		}
		out = append(out, res)
	}
	if err := errors.Join(r.mistakes...); err != nil {
		return nil, err
	}
	return out, nil
}

type reader struct {
	name     string
	data     []byte
	form     fileForm
	mistakes []error
}

func (r *reader) wrong(path, format string, args ...any) {
	if len(r.mistakes) < maxMistakes {
		r.mistakes = append(r.mistakes, strictyaml.ErrorAt(r.name, r.data, path, fmt.Sprintf(format, args...)))
	}
}

// run investigates a case as far as gathering goes, and compares.
func (r *reader) run(ctx context.Context, books playbook.Set, path string, c caseForm) (Result, error) {
	before := len(r.mistakes)
	if c.Name == "" {
		r.wrong(path, "a case has a name")
	}
	f, err := parseFinding(r.form.Finding, c.Finding)
	if err != nil {
		r.wrong(path+".finding", "%v", err)
		return Result{}, nil
	}
	book := books.For(f)
	src := &answers{questions: book.Questions, rows: map[string]evidence.Answer{}, notCollected: c.NotCollected, denied: c.Denied}
	r.read(src, path, books, c)
	if len(r.mistakes) > before {
		return Result{}, nil
	}
	settings, err := fact.EncodeSettings(r.form.Settings.settings(), nil)
	if err != nil {
		return Result{}, err
	}
	epoch := func() time.Time { return time.Unix(0, 0) }
	g, err := gather.New([]source.Source{src}, nil, ledger.New(epoch), ledger.NoLimit(), epoch)
	if err != nil {
		return Result{}, err
	}
	set, err := g.Gather(ctx, gather.Plan{Finding: f, Playbook: book, Settings: settings})
	if err != nil {
		return Result{}, fmt.Errorf("case %q: %w", c.Name, err)
	}
	return Result{Name: c.Name, Wrong: r.compare(book, set, c.Want)}, nil
}

func (s settingsForm) settings() fact.Settings {
	out := fact.Settings{IdentityCenter: fact.IdentityCenter{Account: s.IdentityCenter}}
	for _, p := range s.People {
		out.People = append(out.People, fact.Person{UPN: p.UPN, IdentityStoreUser: p.IdentityStoreUser})
	}
	return out
}

// parseFinding reads a finding from the members that all cases share and a case's own.
func parseFinding(common, own map[string]any) (finding.Finding, error) {
	data, err := json.Marshal(overlay(common, own))
	if err != nil {
		return finding.Finding{}, err
	}
	fs, err := finding.Parse(data)
	if err != nil {
		return finding.Finding{}, err
	}
	if len(fs) != 1 {
		return finding.Finding{}, fmt.Errorf("a case has one finding, not %d", len(fs))
	}
	return fs[0], nil
}

// overlay lays one tree over another; a member that is null is taken away.
func overlay(under, over map[string]any) map[string]any {
	out := maps.Clone(under)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range over {
		below, deep := out[k].(map[string]any)
		above, also := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case deep && also:
			out[k] = overlay(below, above)
		default:
			out[k] = v
		}
	}
	return out
}

// read turns the answers of a case into rows, and checks every name that it uses. A question may
// be one of another playbook: that it is missing in this one is what the comparison tells.
func (r *reader) read(src *answers, path string, books playbook.Set, c caseForm) {
	byID := map[string]playbook.Question{}
	for _, q := range books.Questions() {
		byID[q.ID] = q
	}
	ids := slices.Sorted(maps.Keys(byID))
	known := func(path, id string) bool {
		if _, ok := byID[id]; !ok {
			hint := ""
			if n, ok := strictyaml.Nearest(id, ids); ok {
				hint = fmt.Sprintf("; did you mean %q?", n)
			}
			r.wrong(path, "there is no question %q%s", id, hint)
			return false
		}
		return true
	}
	for _, id := range slices.Sorted(maps.Keys(c.Answers)) {
		at := path + ".answers." + id
		if !known(at, id) {
			continue
		}
		ans, err := answerOf(byID[id].Query, c.Answers[id])
		if err != nil {
			r.wrong(at, "%v", err)
		}
		src.rows[id] = ans
	}
	for i, id := range c.Denied {
		known(fmt.Sprintf("%s.denied[%d]", path, i), id)
	}
	for i, round := range c.Want.Rounds {
		for k, id := range round {
			known(fmt.Sprintf("%s.want.rounds[%d][%d]", path, i, k), id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Want.NotAsked)) {
		known(path+".want.not_asked."+id, id)
	}
	for _, id := range slices.Sorted(maps.Keys(c.Want.Bound)) {
		at := path + ".want.bound." + id
		if !known(at, id) {
			continue
		}
		if text := c.Want.Bound[id].Where; text != "" {
			if _, err := query.ParseExpr(byID[id].Query.Dataset, text); err != nil {
				r.wrong(at+".where", "%v", err)
			}
		}
		for name, text := range map[string]string{"from": c.Want.Bound[id].From, "to": c.Want.Bound[id].To} {
			if _, err := time.Parse(time.RFC3339, text); text != "" && err != nil {
				r.wrong(at+"."+name, "%q is no time; write such as 2025-09-09T04:20:05Z", text)
			}
		}
	}
}

// compare holds what was gathered against what a case wants.
func (r *reader) compare(book playbook.Playbook, set evidence.Set, want wantForm) (wrong []string) {
	differ := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if want.Playbook != "" && want.Playbook != book.ID {
		differ("the playbook is %s\n       want %s", book.ID, want.Playbook)
	}
	var rounds [][]string
	notAsked, bound := map[string][]string{}, map[string]evidence.Item{}
	for _, it := range set.Items() {
		switch {
		case it.Kind != evidence.AnswerItem:
		case it.Answer.Outcome == evidence.NotAsked:
			notAsked[it.Question] = it.Missing
		default:
			for len(rounds) < it.Round {
				rounds = append(rounds, nil)
			}
			rounds[it.Round-1] = append(rounds[it.Round-1], it.Question)
			bound[it.Question] = it
		}
	}
	for i := range max(len(rounds), len(want.Rounds)) { // each round, also one that only one of them has
		var got, exp []string
		if i < len(rounds) {
			got = rounds[i]
		}
		if i < len(want.Rounds) {
			exp = want.Rounds[i]
		}
		if more, less := besides(got, exp), besides(exp, got); want.Rounds != nil && len(more)+len(less) > 0 {
			differ("round %d asks %s%s%s", i+1, list(got), part("\n  too much: ", more), part("\n   missing: ", less))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(want.Bound)) {
		it, asked := bound[id]
		if !asked {
			if _, has := notAsked[id]; has {
				differ("%s is not asked, for want of %s\n  want it asked", id, list(notAsked[id]))
			} else {
				differ("%s is no question of playbook %s", id, book.ID)
			}
			continue
		}
		for _, d := range differences(it, want.Bound[id]) {
			differ("%s: %s", id, d)
		}
	}
	if want.NotAsked != nil {
		for _, id := range slices.Sorted(maps.Keys(notAsked)) {
			if exp, ok := want.NotAsked[id]; !ok {
				differ("%s is not asked, for want of %s\n  want it asked", id, list(notAsked[id]))
			} else if len(besides(notAsked[id], exp))+len(besides(exp, notAsked[id])) > 0 {
				differ("%s is not asked, for want of %s\n  want for want of %s", id, list(notAsked[id]), list(exp))
			}
		}
		for _, id := range slices.Sorted(maps.Keys(want.NotAsked)) {
			if it, asked := bound[id]; asked {
				differ("%s is asked in round %d\n  want it not asked, for want of %s", id, it.Round, list(want.NotAsked[id]))
			}
		}
	}
	return wrong
}

// differences are the parts of a question that became something else than they should.
func differences(it evidence.Item, want boundForm) (out []string) {
	where := ""
	if it.Ask.Where != nil {
		where = it.Ask.Where.String()
	}
	if e, err := query.ParseExpr(it.Ask.Dataset, want.Where); want.Where != "" && err == nil {
		want.Where = e.String()
	}
	stamp := func(s string) string {
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			return query.Stamp(at)
		}
		return s
	}
	for _, c := range []struct{ name, got, want string }{
		{"where", where, want.Where},
		{"from", query.Stamp(it.Ask.Window.From), stamp(want.From)},
		{"to", query.Stamp(it.Ask.Window.To), stamp(want.To)},
		{"kind", it.Scope.Kind, want.Kind},
		{"account", it.Scope.Account, want.Account},
		{"region", it.Scope.Region, want.Region},
	} {
		if c.want != "" && c.got != c.want {
			out = append(out, fmt.Sprintf("%s is %s\n  want %s", c.name, c.got, c.want))
		}
	}
	return out
}

// besides are the words of a that b has not.
func besides(a, b []string) (out []string) {
	for _, w := range a {
		if !slices.Contains(b, w) {
			out = append(out, w)
		}
	}
	return out
}

func list(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

func part(label string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return label + strings.Join(words, ", ")
}
