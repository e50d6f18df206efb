package finding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth bounds how deep a canonical document nests. GuardDuty's own go to about 15.
const maxDepth = 200

// decode reads one JSON value into nil, bool, string, json.Number, []any and
// map[string]any. Unlike [json.Unmarshal] it refuses a member that is given twice:
// two readers would see two different findings.
func decode(data []byte) (any, error) {
	if !json.Valid(data) { // Token below does not look at commas, colons and depth
		var v any
		return nil, json.Unmarshal(data, &v)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return decodeValue(dec, nil)
}

func decodeValue(dec *json.Decoder, path []string) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return tok, nil
	}
	if len(path) >= maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels, %d bytes into the document; no finding is", maxDepth, dec.InputOffset())
	}
	if delim == '[' {
		list := []any{}
		for dec.More() {
			v, err := decodeValue(dec, append(path, "[]"))
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	object := map[string]any{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := tok.(string)
		if !ok {
			return nil, fmt.Errorf("a member's name is no text, %d bytes into the document", dec.InputOffset())
		}
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("member %s is given twice, again %d bytes into the document; keep one", place(append(path, key)), dec.InputOffset())
		}
		v, err := decodeValue(dec, append(path, key))
		if err != nil {
			return nil, err
		}
		object[key] = v
	}
	_, err = dec.Token()
	return object, err
}

// place prints a path for an error, quoted because its names may be anyone's, and short.
func place(path []string) string {
	const most = 120
	s := strings.Join(path, ".")
	if len(s) > most {
		s = "..." + s[len(s)-most:]
	}
	return fmt.Sprintf("%q", s)
}

// depth tells how deep v nests; a plain value has depth 0.
func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			deepest = max(deepest, 1+depth(e))
		}
		return max(deepest, 1)
	case []any:
		for _, e := range v {
			deepest = max(deepest, 1+depth(e))
		}
		return max(deepest, 1)
	default:
		return 0
	}
}

// encode prints a decoded value: sorted members, numbers as they came, nothing escaped for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// lineOf is the line of a byte, counted from 1.
func lineOf(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), len(data))], []byte("\n"))
}

// syntax explains an error of encoding/json in data at base: the place first, then the cause.
func syntax(data []byte, base int, err error) error {
	var bad *json.SyntaxError
	switch {
	case errors.As(err, &bad):
		at := base + max(int(bad.Offset)-1, 0) // it counts the bad byte too
		return fmt.Errorf("line %d, byte %d: no JSON: %w", lineOf(data, at), at, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("line %d, byte %d: the JSON ends in the middle; is the file complete?", lineOf(data, len(data)), len(data))
	default:
		return fmt.Errorf("line %d, byte %d: %w", lineOf(data, base), base, err)
	}
}
