package awsconn

import (
	"bytes"
	"context"
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

// maxResponse bounds one response. A page of findings is the largest we ask for.
const maxResponse = 16 << 20

type counterKey struct{}

// A counter counts the bytes of one attempt.
type counter struct{ bytes int64 }

func withCounter(ctx context.Context, n *counter) context.Context {
	return context.WithValue(ctx, counterKey{}, n)
}

// whole hands responses on only when they are whole.
type whole struct {
	next http.RoundTripper
	saw  func(*http.Response) // told of every response; may be nil
}

// RoundTrip reads the response to its end.
func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if w.saw != nil {
		w.saw(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	closed := resp.Body.Close()
	if n, ok := r.Context().Value(counterKey{}).(*counter); ok {
		n.bytes += int64(len(body))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the response: %w", err)
	case len(body) > maxResponse:
		return nil, fmt.Errorf("the response is larger than %d bytes: %w", maxResponse, source.ErrUnavailable)
	case closed != nil:
		return nil, fmt.Errorf("read the response: %w", closed)
	}
	if resp.StatusCode < 300 {
		if err := sane(resp.Header.Get("Content-Type"), body); err != nil {
			return nil, fmt.Errorf("%w: %w", err, source.ErrUnavailable)
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
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
