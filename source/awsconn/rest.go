package awsconn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"uratori/source"
)

// JSON makes one signed call of a REST-JSON service, for those whose answers are wanted as they
// came. path begins with a slash and is escaped already; in is the request's body, nil for none.
func (c *Conn) JSON(ctx context.Context, t Target, method, path string, in any) (body []byte, calls int, err error) {
	var payload []byte
	if in != nil {
		if payload, err = json.Marshal(in); err != nil {
			return nil, 0, fmt.Errorf("%s: write the request: %w", t.API, err)
		}
	}
	header := http.Header{}
	if len(payload) > 0 {
		header.Set("Content-Type", "application/json")
	}
	calls, _, err = c.Do(ctx, t, func(ctx context.Context, cfg aws.Config) error {
		body, err = c.rest(ctx, t.Service, cfg, method, path, header, payload)
		return err
	})
	if err != nil {
		return nil, calls, err
	}
	return body, calls, nil
}

// rest makes one attempt.
func (c *Conn) rest(ctx context.Context, service string, cfg aws.Config, method, path string, header http.Header, payload []byte) ([]byte, error) {
	base := aws.ToString(cfg.BaseEndpoint)
	if base == "" {
		base = "https://" + service + "." + cfg.Region + ".amazonaws.com"
		if strings.HasPrefix(cfg.Region, "cn-") {
			base += ".cn"
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("write the request: %w: %w", source.ErrInvalid, err)
	}
	r.Header = header.Clone()
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(payload)
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), service, cfg.Region, c.opt.Now().UTC()); err != nil {
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
		return nil, restError(resp, body)
	}
	if len(body) == 0 || bytes.TrimSpace(body)[0] != '{' {
		return nil, fmt.Errorf("the response is no JSON object: %w", source.ErrUnavailable)
	}
	return body, nil
}

// restError is a service's error; what is no error of a service has no code.
func restError(resp *http.Response, body []byte) error {
	var said struct {
		Type     string `json:"__type"`
		Message  string `json:"message"`
		Message2 string `json:"Message"`
	}
	_ = json.Unmarshal(body, &said) // a page of HTML is an error without a code
	code := resp.Header.Get("X-Amzn-Errortype")
	if code == "" {
		code = said.Type
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndex(code, "#")+1:]
	message := said.Message
	if message == "" {
		message = said.Message2
	}
	err := fmt.Errorf("status %d", resp.StatusCode)
	if code != "" {
		err = &smithy.GenericAPIError{Code: code, Message: message}
	}
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: err}
}
