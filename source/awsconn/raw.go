package awsconn

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// A Raw is a request of a service for which there is no client here: a few calls do not pay for a
// whole SDK of a service, and some answers are wanted as they came.
type Raw struct {
	Method  string
	Path    string // begins with a slash, escaped, with its query
	Header  http.Header
	Body    []byte
	Prefix  string // of the host, such as an account id and a dot; not used where the endpoint is given
	Signing string // service name in the signature; "" is the target's service
}

// Send makes one signed call and gives its response as it came: one whole JSON or XML document.
func (c *Conn) Send(ctx context.Context, t Target, r Raw) (body []byte, err error) {
	_, _, err = c.Do(ctx, t, func(ctx context.Context, cfg aws.Config) error {
		body, err = c.SendOnce(ctx, t, cfg, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
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
	signing, payload := cmp.Or(raw.Signing, t.Service), hashed(raw.Body)
	if signing == "s3" { // S3 wants it told, too
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	if err := sign(r, keys, payload, signing, cfg.Region, c.clock()); err != nil {
		return nil, err
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
		return nil, refused(resp, body)
	}
	return body, nil
}

// hashed is the SHA-256 of a body, as signatures want it.
func hashed(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func sign(r *http.Request, keys aws.Credentials, payload, service, region string, at time.Time) error {
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err := signer.SignHTTP(r.Context(), keys, r, payload, service, region, at.UTC()); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	return nil
}

// refused is a service's error in JSON or XML; what is no error of a service, such as a gateway's
// page, has no code.
func refused(resp *http.Response, body []byte) error {
	type said struct {
		Code    string `xml:"Code" json:"-"`
		Message string `xml:"Message" json:"message"` // or Message: JSON's names are matched in any case
	}
	var e struct { // <ErrorResponse><Error>, or <Error> itself
		XMLName xml.Name `json:"-"`
		said
		Type  string `xml:"-" json:"__type"`
		Error said   `xml:"Error" json:"-"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		switch err := xml.Unmarshal(body, &e); {
		case err != nil || !strings.HasPrefix(e.XMLName.Local, "Error"):
			e.said = said{}
		case e.Error.Code != "":
			e.said = e.Error
		}
	} else {
		_ = json.Unmarshal(body, &e) // what is none has no code
		e.Code, _, _ = strings.Cut(cmp.Or(resp.Header.Get("X-Amzn-Errortype"), e.Type), ":")
		e.Code = e.Code[strings.LastIndex(e.Code, "#")+1:]
	}
	err := fmt.Errorf("status %d", resp.StatusCode)
	if e.Code != "" {
		err = &smithy.GenericAPIError{Code: e.Code, Message: e.Message}
	}
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: err}
}
