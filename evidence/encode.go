package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"uratori/query"
)

// schema is the version of the encoding; it is part of what is hashed.
const schema = "uratori.evidence/1"

// The stored forms. Struct members stand in the order of their keys, so that the same item
// always has the same bytes.
type (
	itemForm struct {
		Answer   *answerForm    `json:"answer,omitempty"`
		Answers  []string       `json:"answers,omitempty"`
		Ask      string         `json:"ask,omitempty"` // canonical text of the question
		Body     *bodyForm      `json:"body,omitempty"`
		Coverage []coverageForm `json:"coverage,omitempty"`
		ID       ID             `json:"id"`
		Kind     ItemKind       `json:"kind"`
		Missing  []string       `json:"missing,omitempty"`
		Question string         `json:"question,omitempty"`
		Round    int            `json:"round"`
		Schema   string         `json:"schema"`
		Scope    *scopeForm     `json:"scope,omitempty"`
		Source   string         `json:"source,omitempty"`
		Subject  string         `json:"subject,omitempty"`
	}
	answerForm struct {
		Columns []string `json:"columns,omitempty"`
		Native  string   `json:"native,omitempty"`
		Outcome string   `json:"outcome"`
		Reason  string   `json:"reason,omitempty"`
		Rows    []Row    `json:"rows,omitempty"`
	}
	bodyForm struct {
		Base64 string `json:"base64,omitempty"` // when the bytes are no UTF-8
		Text   string `json:"text,omitempty"`
	}
	coverageForm struct {
		Account string   `json:"account,omitempty"`
		Detail  string   `json:"detail,omitempty"`
		From    string   `json:"from"`
		Kind    string   `json:"kind"`
		Region  string   `json:"region,omitempty"`
		Source  string   `json:"source,omitempty"`
		State   string   `json:"state"`
		To      string   `json:"to"`
		Trails  []string `json:"trails,omitempty"`
		Why     Reason   `json:"why,omitempty"`
	}
	scopeForm struct {
		Account string `json:"account,omitempty"`
		From    string `json:"from,omitempty"`
		Kind    string `json:"kind,omitempty"`
		Region  string `json:"region,omitempty"`
		To      string `json:"to,omitempty"`
	}
)

// Encode is the item in our own encoding: keys sorted, times RFC 3339 in UTC, raw bytes as an
// exact string, and nothing of when or how long: the bytes that [Hash] is taken of.
func Encode(it Item) []byte {
	f := itemForm{
		Answers: it.Answers, ID: it.ID, Kind: it.Kind, Missing: it.Missing, Question: it.Question,
		Round: it.Round, Schema: schema, Source: it.Source, Subject: it.Subject,
	}
	if it.Ask.Dataset != "" {
		f.Ask = it.Ask.String()
	}
	if it.Answered() {
		f.Answer = &answerForm{
			Columns: it.Answer.Columns, Native: it.Answer.Native, Outcome: it.Answer.Outcome.String(),
			Reason: exact(it.Answer.Reason), Rows: it.Answer.Rows,
		}
	}
	if it.Body != nil {
		f.Body = &bodyForm{Text: string(it.Body)}
		if !utf8.Valid(it.Body) {
			f.Body = &bodyForm{Base64: base64.StdEncoding.EncodeToString(it.Body)}
		}
	}
	if it.Scope != (query.Scope{}) {
		f.Scope = &scopeForm{
			Account: it.Scope.Account, Kind: it.Scope.Kind, Region: it.Scope.Region,
			From: stamp(it.Scope.Window.From), To: stamp(it.Scope.Window.To),
		}
	}
	for _, c := range it.Coverage {
		f.Coverage = append(f.Coverage, coverageForm{
			Account: c.Account, Detail: exact(c.Detail), From: stamp(c.Window.From), Kind: c.Kind, Region: c.Region,
			Source: c.Source, State: c.State.String(), To: stamp(c.Window.To), Trails: c.Trails, Why: c.Why,
		})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		// Every member is a string, a number or a query.Value, none of which can fail to encode.
		panic(fmt.Sprintf("encode evidence %s: %v", it.ID, err))
	}
	return b.Bytes()
}

// exact makes text that a source sent valid UTF-8, so that what is stored is what is shown.
func exact(s string) string { return string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))) }

// Hash is the content address of an item: sha256 over [Encode], in hex.
func Hash(it Item) string {
	sum := sha256.Sum256(Encode(it))
	return hex.EncodeToString(sum[:])
}

// Decode reads an item back. Its hash is computed again from what was read.
func Decode(data []byte) (Item, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var f itemForm
	if err := dec.Decode(&f); err != nil {
		return Item{}, fmt.Errorf("decode evidence: %w", err)
	}
	if f.Schema != schema {
		return Item{}, fmt.Errorf("decode evidence: schema %q is not %q; use the version of the program that wrote it", f.Schema, schema)
	}
	it := Item{
		ID: f.ID, Kind: f.Kind, Round: f.Round, Question: f.Question, Subject: f.Subject,
		Answers: f.Answers, Missing: f.Missing, Source: f.Source,
	}
	var err error
	if f.Ask != "" {
		if it.Ask, err = query.Parse(f.Ask); err != nil {
			return Item{}, fmt.Errorf("decode evidence %s: %w", f.ID, err)
		}
	}
	if it.Listed() && f.Answer == nil {
		return Item{}, fmt.Errorf("decode evidence %s: an answer without an outcome", f.ID)
	}
	if f.Answer != nil {
		o, ok := OutcomeNamed(f.Answer.Outcome)
		if !ok {
			return Item{}, fmt.Errorf("decode evidence %s: unknown outcome %q", f.ID, f.Answer.Outcome)
		}
		it.Answer = Answer{Outcome: o, Native: f.Answer.Native, Columns: f.Answer.Columns, Rows: f.Answer.Rows, Reason: f.Answer.Reason}
	}
	if f.Body != nil {
		it.Body = []byte(f.Body.Text)
		if f.Body.Base64 != "" {
			if it.Body, err = base64.StdEncoding.DecodeString(f.Body.Base64); err != nil {
				return Item{}, fmt.Errorf("decode evidence %s: %w", f.ID, err)
			}
		}
	}
	var bad error
	when := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			bad = errors.Join(bad, err)
		}
		return t.UTC()
	}
	if s := f.Scope; s != nil {
		it.Scope = query.Scope{Kind: s.Kind, Account: s.Account, Region: s.Region, Window: query.Window{From: when(s.From), To: when(s.To)}}
	}
	for _, c := range f.Coverage {
		state, ok := StateNamed(c.State)
		if !ok {
			bad = errors.Join(bad, fmt.Errorf("unknown state of coverage %q", c.State))
		}
		it.Coverage = append(it.Coverage, Coverage{
			Source: c.Source, Kind: c.Kind, Account: c.Account, Region: c.Region, State: state, Why: c.Why, Detail: c.Detail, Trails: c.Trails,
			Window: query.Window{From: when(c.From), To: when(c.To)},
		})
	}
	if bad != nil {
		return Item{}, fmt.Errorf("decode evidence %s: %w", f.ID, bad)
	}
	it.SHA256 = Hash(it)
	return it, nil
}

// stamp prints a time as RFC 3339 in UTC without trailing zeros; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}
