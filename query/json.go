package query

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// The JSON form of a value: one member that names its type, null for a missing one.
type singleForm struct {
	Bool  *bool   `json:"bool,omitempty"`
	Bytes *string `json:"bytes,omitempty"` // base64 of a text that is not UTF-8
	Int   *int64  `json:"int,omitempty"`
	IP    *string `json:"ip,omitempty"`
	JSON  *string `json:"json,omitempty"`
	Param *string `json:"param,omitempty"`
	Text  *string `json:"text,omitempty"`
	Time  *string `json:"time,omitempty"`
	Micro *int64  `json:"unix_micro,omitempty"` // a time that RFC 3339 cannot write: outside the years 0 to 9999
}

// The form of a value that may be a set. A member of a set is no set.
type valueForm struct {
	Cut bool `json:"cut,omitempty"` // the set holds only the first of its values
	singleForm
	Set   []member `json:"set,omitempty"`
	IsSet bool     `json:"empty_set,omitempty"`
}

type member Value

// MarshalJSON writes the value with its type, so that it reads back equal.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.typ != Set {
		return member(v).MarshalJSON()
	}
	f := valueForm{Cut: v.cut, IsSet: len(v.set) == 0}
	for _, m := range v.set {
		f.Set = append(f.Set, member(m))
	}
	return marshal(f)
}

// MarshalJSON writes the value with its type.
func (v member) MarshalJSON() ([]byte, error) {
	var f singleForm
	switch v.typ {
	case Null:
		return []byte("null"), nil
	case Bool:
		b := v.num == 1
		f.Bool = &b
	case Int:
		f.Int = &v.num
	case Text:
		f.Text = &v.text // JSON cannot hold bytes that are not UTF-8
		if !utf8.ValidString(v.text) {
			b := base64.StdEncoding.EncodeToString([]byte(v.text))
			f.Text, f.Bytes = nil, &b
		}
	case Time:
		if s := Stamp(Value(v).Time()); printable(Value(v).Time()) {
			f.Time = &s
		} else {
			f.Micro = &v.num
		}
	case IP:
		f.IP = &v.text
	case JSON:
		f.JSON = &v.text
	case Param:
		f.Param = &v.text
	case Set: // nobody makes such a set; it is written all the same, and refused when read
		return Value(v).MarshalJSON()
	default:
		return nil, fmt.Errorf("write value: unknown type %d", v.typ)
	}
	return marshal(f)
}

func marshal(x any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func strict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// UnmarshalJSON reads what MarshalJSON wrote and nothing else.
func (v *Value) UnmarshalJSON(data []byte) error {
	*v = Value{}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil
	}
	var f valueForm
	if err := strict(data, &f); err != nil {
		return fmt.Errorf("read value: %w", err)
	}
	isSet := f.Set != nil || f.IsSet
	switch {
	case f.Set != nil && f.IsSet, f.Cut && !isSet:
		return errors.New("read value: cut and empty_set speak of a set only")
	case isSet && f.singleForm != (singleForm{}):
		return errOne
	case !isSet:
		got, err := f.value()
		*v = got
		return err
	}
	var set []Value
	for _, m := range f.Set {
		set = append(set, Value(m))
	}
	*v = SetOf(set, f.Cut)
	return nil
}

// UnmarshalJSON reads what MarshalJSON wrote and nothing else.
func (v *member) UnmarshalJSON(data []byte) error {
	*v = member{}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil
	}
	var f singleForm
	if err := strict(data, &f); err != nil {
		return fmt.Errorf("read value: %w", err)
	}
	got, err := f.value()
	*v = member(got)
	return err
}

var errOne = errors.New("read value: exactly one of bool, int, text, bytes, time, unix_micro, ip, json, set, empty_set, param must be given")

func (f singleForm) value() (v Value, err error) {
	n := 0
	is := func(yes bool, set func()) {
		if yes {
			n++
			set()
		}
	}
	is(f.Bool != nil, func() { v = BoolOf(*f.Bool) })
	is(f.Int != nil, func() { v = IntOf(*f.Int) })
	is(f.Text != nil, func() { v = TextOf(*f.Text) })
	is(f.IP != nil, func() {
		if v = IPOf(*f.IP); v.typ != IP || v.text != *f.IP {
			err = fmt.Errorf("read value: %q is no address in canonical form", *f.IP)
		}
	})
	is(f.JSON != nil, func() { v = JSONOf(*f.JSON) })
	is(f.Param != nil, func() { v = ParamOf(*f.Param) })
	is(f.Bytes != nil, func() {
		var raw []byte
		raw, err = base64.StdEncoding.DecodeString(*f.Bytes)
		v = TextOf(string(raw))
	})
	is(f.Time != nil, func() {
		t, ok := stamp(*f.Time)
		if v = TimeOf(t); !ok {
			err = fmt.Errorf("read value: %q is no time such as 2025-09-09T04:20:05Z", *f.Time)
		}
	})
	is(f.Micro != nil, func() { v = Value{typ: Time, num: *f.Micro} })
	if n != 1 {
		return Value{}, errOne
	}
	return v, err
}

// The JSON form of a query. Its condition is the canonical text.
type queryForm struct {
	Dataset Dataset     `json:"dataset"`
	From    string      `json:"from"`
	To      string      `json:"to"`
	Where   string      `json:"where,omitempty"`
	Select  []Field     `json:"select,omitempty"`
	GroupBy []string    `json:"group_by,omitempty"`
	Compute []aggForm   `json:"compute,omitempty"`
	Order   []orderForm `json:"order,omitempty"`
	Limit   int         `json:"limit"`
}

type aggForm struct {
	Func  Func   `json:"func"`
	Field Field  `json:"field,omitempty"`
	As    string `json:"as"`
	Limit int    `json:"limit,omitempty"`
}

type orderForm struct {
	By   string `json:"by"`
	Desc bool   `json:"desc,omitempty"`
}

// MarshalJSON writes the query as an object.
func (q Query) MarshalJSON() ([]byte, error) {
	f := queryForm{Dataset: q.Dataset, From: Stamp(q.Window.From), To: Stamp(q.Window.To), Select: q.Select, Limit: q.Limit}
	if q.Where != nil {
		f.Where = q.Where.String()
	}
	for _, k := range q.GroupBy {
		f.GroupBy = append(f.GroupBy, k.String())
	}
	for _, a := range q.Compute {
		f.Compute = append(f.Compute, aggForm(a))
	}
	for _, o := range q.Order {
		f.Order = append(f.Order, orderForm(o))
	}
	return marshal(f)
}

// UnmarshalJSON reads what MarshalJSON wrote; an unknown member is an error.
func (q *Query) UnmarshalJSON(data []byte) error {
	var f queryForm
	if err := strict(data, &f); err != nil {
		return fmt.Errorf("read query: %w", err)
	}
	*q = Query{Dataset: f.Dataset, Select: f.Select, Limit: f.Limit}
	var err error
	if q.Window.From, err = stampIn("from", f.From); err != nil {
		return err
	}
	if q.Window.To, err = stampIn("to", f.To); err != nil {
		return err
	}
	if f.Where != "" {
		if q.Where, err = ParseExpr(f.Dataset, f.Where); err != nil {
			return fmt.Errorf("read query: where: %w", err)
		}
	}
	for _, k := range f.GroupBy {
		key, err := parseKey(f.Dataset, k)
		if err != nil {
			return fmt.Errorf("read query: group_by: %w", err)
		}
		q.GroupBy = append(q.GroupBy, key)
	}
	for _, a := range f.Compute {
		q.Compute = append(q.Compute, Aggregate(a))
	}
	for _, o := range f.Order {
		q.Order = append(q.Order, Order(o))
	}
	return nil
}

func stampIn(member, s string) (time.Time, error) {
	t, ok := stamp(s)
	if !ok {
		return t, fmt.Errorf("read query: %s: %q is no time such as 2025-09-09T04:20:05Z", member, s)
	}
	return t, nil
}

func parseKey(d Dataset, text string) (Key, error) {
	schema, ok := SchemaOf(d)
	if !ok {
		return Key{}, unknownDataset(d)
	}
	p, err := newParser(text)
	if err != nil {
		return Key{}, err
	}
	p.schema = &schema
	k, err := p.key()
	if err == nil && !p.end() {
		err = p.wrong("expected the end")
	}
	return k, err
}
