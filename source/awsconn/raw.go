package awsconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"uratori/source"
)

// A Raw is a request of a service for which there is no client here: one or two calls do not pay
// for a whole SDK of a service.
type Raw struct {
	Method  string
	Path    string // begins with a slash, escaped, with its query
	Header  http.Header
	Body    []byte
	Prefix  string // of the host, such as an account id and a dot; not used where the endpoint is given
	Signing string // service name in the signature; "" is the target's service
}

// Send makes one signed call and gives its response as it came: one whole JSON or XML document.
func (c *Conn) Send(ctx context.Context, t Target, r Raw) (body []byte, calls int, bytes int64, err error) {
	calls, bytes, err = c.Do(ctx, t, func(ctx context.Context, cfg aws.Config) error {
		var err error
		body, err = c.SendOnce(ctx, t, cfg, r)
		return err
	})
	if err != nil {
		return nil, calls, bytes, err
	}
	return body, calls, bytes, nil
}

// SendOnce makes one attempt inside [Conn.Do].
func (c *Conn) SendOnce(ctx context.Context, t Target, cfg aws.Config, raw Raw) ([]byte, error) {
	base := aws.ToString(cfg.BaseEndpoint)
	if base == "" {
		base = "https://" + raw.Prefix + t.Service + "." + cfg.Region + ".amazonaws.com"
		if strings.HasPrefix(cfg.Region, "cn-") {
			base += ".cn"
		}
	}
	r, err := http.NewRequestWithContext(ctx, raw.Method, strings.TrimSuffix(base, "/")+raw.Path, bytes.NewReader(raw.Body))
	if err != nil {
		return nil, fmt.Errorf("write the request: %w: %w", source.ErrInvalid, err)
	}
	for name, values := range raw.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	signing := raw.Signing
	if signing == "" {
		signing = t.Service
	}
	sum := sha256.Sum256(raw.Body)
	payload := hex.EncodeToString(sum[:])
	if signing == "s3" { // S3 wants it told, too
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	// By the machine's clock, as the SDK's clients do: the service judges it by its own.
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, payload, signing, cfg.Region, time.Now().UTC()); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body) // whole bounded it
	if err != nil {
		return nil, fmt.Errorf("read the response: %w", err)
	}
	if resp.StatusCode >= 300 {
		return nil, rawError(resp, body)
	}
	return body, nil
}

// rawError is a service's error in JSON or XML.
func rawError(resp *http.Response, body []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return restError(resp, body)
	}
	type said struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	var e struct { // <ErrorResponse><Error>, or <Error> itself
		XMLName xml.Name
		said
		Error said `xml:"Error"`
	}
	err := fmt.Errorf("status %d", resp.StatusCode)
	if xml.Unmarshal(body, &e) == nil && strings.HasPrefix(e.XMLName.Local, "Error") {
		if e.Error.Code != "" {
			e.said = e.Error
		}
		if e.Code != "" {
			err = &smithy.GenericAPIError{Code: e.Code, Message: e.Message}
		}
	}
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: err}
}
