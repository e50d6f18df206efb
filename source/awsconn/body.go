package awsconn

import (
	"io"
	"net/http"
)

// PlainBody is a round tripper that shows next no more of a request's body than how to read and
// close it. The SDK closes the body as soon as a response begins; its WriteTo then answers io.EOF
// (smithy-go v1.28.8, transport/http/internal/io/safe.go), where an io.WriterTo that has nothing
// left answers nil. net/http looks once more for a surplus behind the body it has sent, takes that
// for a body that cannot be read, and closes the connection, whose response is being read: "use of
// closed network connection".
func PlainBody(next http.RoundTripper) http.RoundTripper { return plainBody{next} }

type plainBody struct{ next http.RoundTripper }

func (p plainBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, ok := r.Body.(io.WriterTo); ok {
		plain := *r
		plain.Body = struct{ io.ReadCloser }{r.Body}
		r = &plain
	}
	return p.next.RoundTrip(r)
}
