package finding

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Raw is the document as it was received: an event with its envelope, of a list the element. It is not to be changed.
func (f Finding) Raw() []byte { return f.raw }

// At looks a path up in the canonical document, such as
// "service.action.awsApiCallAction.api" or "resource.s3BucketDetails.0.name".
// The value is a string, bool, [encoding/json.Number], []any or map[string]any, and not to be changed.
func (f Finding) At(path string) (any, bool) {
	var v any = f.doc
	for step := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = at[step]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// Equal tells whether two findings say the same, whatever their bytes looked like.
func (f Finding) Equal(g Finding) bool {
	f.raw, g.raw = nil, nil
	return reflect.DeepEqual(f, g)
}

// MarshalJSON prints the canonical document: lowerCamel, sorted, numbers as they were
// received. [Parse] reads it back to an equal Finding.
func (f Finding) MarshalJSON() ([]byte, error) {
	if f.doc == nil {
		return nil, fmt.Errorf("print finding %.40q: it was not read by Parse, so there is no document to print", f.ID)
	}
	return encode(f.doc)
}

// UnmarshalJSON reads one finding in any [Shape].
func (f *Finding) UnmarshalJSON(data []byte) error {
	fs, err := Parse(data)
	if err != nil {
		return err
	}
	if len(fs) != 1 {
		return fmt.Errorf("read finding: there are %d, not one", len(fs))
	}
	*f = fs[0]
	return nil
}

var (
	_ json.Marshaler   = Finding{}
	_ json.Unmarshaler = (*Finding)(nil)
)
