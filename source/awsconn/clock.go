package awsconn

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"
)

// saw notes what a response's Date header says of the clocks.
func (c *Conn) saw(resp *http.Response) {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	skew := time.Until(at).Round(time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = &skew
}

// Skew is AWS's clock minus ours, to a second, as the last response told it; ok is false before any.
func (c *Conn) Skew() (skew time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.skew == nil {
		return 0, false
	}
	return *c.skew, true
}

// clock is the time as AWS has it, as far as that is known. It is the machine's own clock that is
// corrected, whatever time a case is told: AWS judges signatures by its own.
func (c *Conn) clock() time.Time {
	skew, _ := c.Skew()
	return time.Now().Add(skew)
}

// tolerated is how far the date of a request may be from AWS's clock. AWS takes five minutes (IAM
// User Guide, "Troubleshoot Signature Version 4 requests").
const tolerated = time.Minute

// misdated tells whether a request was signed by a clock that is off.
func (c *Conn) misdated(r *http.Request) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	return err == nil && at.Sub(c.clock()).Abs() > tolerated
}

// scopeForm finds Region and service in an Authorization header (IAM User Guide, "Elements of an AWS
// API request signature").
var scopeForm = regexp.MustCompile(`Credential=[^/]+/[0-9]{8}/([^/]+)/([^/]+)/aws4_request`)

// redated is a request signed anew by AWS's clock. The SDK's clients correct their clocks by
// themselves, but each from its own calls alone.
func (c *Conn) redated(r *http.Request, keys Keys) (*http.Request, error) {
	scope := scopeForm.FindStringSubmatch(r.Header.Get("Authorization"))
	if scope == nil {
		return r, nil // nobody signed it
	}
	r = r.Clone(r.Context())
	payload := r.Header.Get("X-Amz-Content-Sha256")
	if payload == "" {
		var body []byte
		if r.Body != nil {
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				return nil, fmt.Errorf("read the request: %w", err)
			}
			_ = r.Body.Close() // it was read to its end
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		payload = hashed(body)
	}
	return r, sign(r, keys.sdk(), payload, scope[2], scope[1], c.clock())
}
