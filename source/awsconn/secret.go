package awsconn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"uratori/source"
)

// Where the program's secrets may be kept in AWS. Each is one call in JSON 1.1, made with the
// program's own credentials, and its answer is given to the caller and kept nowhere.
var (
	// Systems Manager User Guide, "About requirements and constraints for parameter names".
	parameterForm = regexp.MustCompile(`^(arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/)?[A-Za-z0-9_./-]{1,1000}$`)
	// Secrets Manager API Reference, CreateSecret, Name; and GetSecretValue, SecretId.
	secretForm = regexp.MustCompile(`^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}$`)
)

// place is the Region of an ARN; "" for a name, which lies in the connection's.
func place(name string) string {
	if parts := strings.Split(name, ":"); len(parts) > 4 && parts[0] == "arn" {
		return parts[3]
	}
	return ""
}

// Parameter is the value of a parameter of Systems Manager, decrypted; name is its name or ARN.
func (c *Conn) Parameter(ctx context.Context, name string) (string, error) {
	if !parameterForm.MatchString(name) {
		return "", fmt.Errorf("it is neither the name nor the ARN of a parameter: %w", source.ErrInvalid)
	}
	var out struct {
		Parameter *struct{ Value string }
	}
	t := Target{Service: "ssm", API: "ssm:GetParameter", Region: place(name)}
	if err := c.rpc(ctx, t, "AmazonSSM.GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &out); err != nil {
		return "", err
	}
	if out.Parameter == nil || out.Parameter.Value == "" {
		return "", fmt.Errorf("%s: the answer holds no value: %w", t.API, source.ErrUnavailable)
	}
	return out.Parameter.Value, nil
}

// Secret is a secret of Secrets Manager; id is its name or ARN. With a key the secret is a JSON
// object, and the value is that of the key's member.
func (c *Conn) Secret(ctx context.Context, id, key string) (string, error) {
	if !secretForm.MatchString(id) {
		return "", fmt.Errorf("it is neither the name nor the ARN of a secret: %w", source.ErrInvalid)
	}
	var out struct{ SecretString string }
	t := Target{Service: "secretsmanager", API: "secretsmanager:GetSecretValue", Region: place(id)}
	if err := c.rpc(ctx, t, "secretsmanager.GetSecretValue", map[string]any{"SecretId": id}, &out); err != nil {
		return "", err
	}
	text := out.SecretString
	if key != "" {
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &members) != nil {
			return "", errors.New("the secret is no JSON object, and a member of it is asked for")
		}
		text = ""
		if json.Unmarshal(members[key], &text) != nil {
			return "", errors.New("the secret has no member of that name that is a text")
		}
	}
	if text == "" {
		return "", errors.New("the secret is empty, or is none of text")
	}
	return text, nil
}

// rpc makes one call of a JSON 1.1 service. An answer that cannot be read is not quoted: it may
// hold the secret.
func (c *Conn) rpc(ctx context.Context, t Target, target string, in map[string]any, out any) error {
	payload, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: write the request: %w", t.API, err)
	}
	body, err := c.Send(ctx, t, Raw{
		Method: http.MethodPost, Path: "/", Body: payload, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target}},
	})
	if err != nil {
		return err
	}
	if json.Unmarshal(body, out) != nil {
		return fmt.Errorf("%s: the answer cannot be read: %w", t.API, source.ErrUnavailable)
	}
	return nil
}
