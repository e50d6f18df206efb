package awsconn

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"uratori/source"
)

// maxResponse bounds one response where its target says nothing else. A page of findings is the
// largest of those.
const maxResponse = 16 << 20

// TooLarge is the error of a response that is longer than its target allows. It wraps
// source.ErrUnavailable.
type TooLarge struct{ Most int64 }

func (e TooLarge) Error() string {
	return fmt.Sprintf("the response is larger than %d bytes: %s", e.Most, source.ErrUnavailable)
}

// Unwrap is what it means to callers.
func (TooLarge) Unwrap() error { return source.ErrUnavailable }

type attemptKey struct{}

// An attempt is one request of a call, as the transport needs to know it.
type attempt struct {
	keys     Keys
	most     int64  // bytes of the response
	bytes    int64  // that were received
	body     []byte // of the response
	misdated bool   // it was signed by a clock that is off
}

// whole sends requests that are dated by AWS's clock, and hands responses on only when they are whole.
type whole struct {
	next http.RoundTripper
	conn *Conn
}

// RoundTrip reads the response to its end.
func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	a, ok := r.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		return nil, errors.New("a request that is no attempt of a call is not sent")
	}
	if w.conn.misdated(r) {
		var err error
		if r, err = w.conn.redated(r, a.keys); err != nil {
			return nil, err
		}
	}
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w.conn.saw(resp)
	a.misdated = w.conn.misdated(r)
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, a.most+1))
	closed := resp.Body.Close()
	a.bytes += int64(len(a.body))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the response: %w", err)
	case int64(len(a.body)) > a.most:
		return nil, TooLarge{a.most}
	case closed != nil:
		return nil, fmt.Errorf("read the response: %w", closed)
	}
	if resp.StatusCode < 300 {
		if err := sane(resp.Header.Get("Content-Type"), a.body); err != nil {
			return nil, fmt.Errorf("%w: %w", err, source.ErrUnavailable)
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(a.body))
	return resp, nil
}

// sane tells whether a body is one document in the language of an AWS API. Every call that is made
// here is answered with one.
func sane(contentType string, body []byte) error {
	text := bytes.TrimSpace(body)
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case len(text) == 0:
		return errors.New("the response is empty")
	case err == nil && strings.Contains(kind, "html"):
		return errors.New("the response is a web page")
	case text[0] == '{':
		if !json.Valid(text) {
			return errors.New("the response is no JSON document")
		}
		return nil
	case text[0] == '<':
		return saneXML(text)
	}
	return errors.New("the response is neither JSON nor XML")
}

func saneXML(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	for depth, elements := 0, 0; ; {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && depth == 0 && elements > 0:
			return nil
		case err != nil:
			return errors.New("the response is no whole XML document")
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 && (elements > 0 || strings.EqualFold(t.Name.Local, "html")) {
				return errors.New("the response is not one XML document of AWS")
			}
			depth, elements = depth+1, elements+1
		case xml.EndElement:
			depth--
		}
	}
}
