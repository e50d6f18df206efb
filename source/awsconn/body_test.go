package awsconn_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"uratori/source/awsconn"
)

// A closing body is read as the SDK's: once it is closed, which is when a response begins, Read and
// WriteTo answer io.EOF. To make the moment certain, it is looked at behind its end only then.
type closing struct {
	io.Reader
	begun <-chan struct{}
}

func (c closing) Close() error { return nil }

func (c closing) WriteTo(io.Writer) (int64, error) {
	<-c.begun
	return 0, io.EOF
}

// A response is read to its end also where it begins before net/http is done with the request.
func TestResponseOutlivesTheRequest(t *testing.T) {
	begun, looked := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "the first half, ")
		w.(http.Flusher).Flush()
		<-looked
		_, _ = io.WriteString(w, "the second")
	}))
	defer server.Close()
	const text = `{"MaxResults":50}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, closing{strings.NewReader(text), begun})
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(text))
	resp, err := awsconn.PlainBody(awsconn.Transport()).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	close(begun)
	first := make([]byte, len("the first half, "))
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	close(looked)
	rest, err := io.ReadAll(resp.Body)
	if got := string(first) + string(rest); err != nil || got != "the first half, the second" {
		t.Errorf("read %q, %v", got, err)
	}
	_ = resp.Body.Close()
}
