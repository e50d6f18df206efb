package awstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A model is a service description in botocore's form (service-2.json).
type model struct {
	Metadata struct {
		Protocol       string
		Protocols      []string
		EndpointPrefix string
		SigningName    string
		TargetPrefix   string
		APIVersion     string `json:"apiVersion"`
		XMLNamespace   any    `json:"xmlNamespace"` // a text, or an object with uri
		GlobalEndpoint string
	}
	Operations map[string]*operation
	Shapes     map[string]*shape
}

type operation struct {
	Name string
	HTTP struct {
		Method       string
		RequestURI   string `json:"requestUri"`
		ResponseCode int
	}
	Input, Output *ref
	Errors        []ref
}

type ref struct {
	Shape         string
	Location      string // uri, querystring, header, headers or statusCode; "" for the body
	LocationName  string
	ResultWrapper string
	Flattened     bool
}

type shape struct {
	Type            string
	Members         map[string]ref
	Required        []string
	Member          *ref
	Key, Value      *ref
	Enum            []string
	Min, Max        *float64
	Pattern         string
	Payload         string
	Union           bool
	Document        bool
	Flattened       bool
	TimestampFormat string
	Exception       bool
	Error           struct {
		Code           string
		HTTPStatusCode int
	}
}

// signingName is the name of the service in a signature's scope.
func (m *model) signingName() string {
	if m.Metadata.SigningName != "" {
		return m.Metadata.SigningName
	}
	return m.Metadata.EndpointPrefix
}

func (m *model) namespace() string {
	switch x := m.Metadata.XMLNamespace.(type) {
	case string:
		return x
	case map[string]any:
		uri, _ := x["uri"].(string)
		return uri
	}
	return ""
}

// target tells whether an X-Amz-Target prefix names the service: in full, or its last part, as
// clients shorten it.
func (m *model) target(prefix string) bool {
	full := m.Metadata.TargetPrefix
	return prefix == full || prefix == full[strings.LastIndex(full, ".")+1:]
}

// fault is what the model says of an error: its code on the wire and its HTTP status.
func (m *model) fault(code string) (wire string, status int, known bool) {
	for name, s := range m.Shapes {
		if !s.Exception || name != code && s.Error.Code != code {
			continue
		}
		wire, status = name, s.Error.HTTPStatusCode
		if s.Error.Code != "" && m.Metadata.Protocol == "query" {
			wire = s.Error.Code
		}
		if status == 0 {
			status = 400
		}
		return wire, status, true
	}
	return code, 0, false
}

// raises tells whether the model lists the error for the operation.
func (m *model) raises(op *operation, code string) bool {
	for _, e := range op.Errors {
		if e.Shape == code || m.Shapes[e.Shape] != nil && m.Shapes[e.Shape].Error.Code == code {
			return true
		}
	}
	return false
}

var models struct {
	sync.Mutex
	read map[string]*model
}

// folder is where the models lie: beside the folder that holds go.mod.
func folder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "data", "guardduty", "api-models"), nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the test's folder")
		}
		dir = up
	}
}

// needModel reads a service's model; without it the test is skipped.
func needModel(t testing.TB, service string) *model {
	t.Helper()
	models.Lock()
	defer models.Unlock()
	if m := models.read[service]; m != nil {
		return m
	}
	dir, err := folder()
	if err != nil {
		t.Fatalf("awstest: look for the API models: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, service+".nodoc.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("awstest: no API model of %q in %s; the double of AWS works only where the official models are", service, dir)
	}
	if err != nil {
		t.Fatalf("awstest: %v", err)
	}
	m := &model{}
	if err := json.Unmarshal(data, m); err != nil {
		t.Fatalf("awstest: read the API model of %q: %v", service, err)
	}
	if err := m.supported(); err != nil {
		t.Fatalf("awstest: %q: %v", service, err)
	}
	if models.read == nil {
		models.read = map[string]*model{}
	}
	models.read[service] = m
	return m
}

func (m *model) supported() error {
	switch m.Metadata.Protocol {
	case "json", "rest-json", "query":
		return nil
	}
	return fmt.Errorf("protocol %q is not spoken here; json, rest-json and query are", m.Metadata.Protocol)
}
