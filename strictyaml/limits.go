package strictyaml

import (
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a file. The YAML library takes time that grows with the square of the number of
// keys in one map (16,000 take half a second, a map of a mebibyte most of a minute), so the
// number of words and signs is bounded too; the longest file that comes with the program has a
// fifth of them.
const (
	MaxSize   = 1 << 20 // bytes; what people write is smaller
	maxTokens = 60_000  // words, signs and comments, also counting each use of an anchor as what it stands for
	maxDepth  = 60      // lists and maps within each other
)

// bounded refuses what is too large to be read, and what is no text.
func bounded(name string, data []byte) error {
	if len(data) > MaxSize {
		return &PosError{File: name, Msg: fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), MaxSize)}
	}
	if err := text(name, data); err != nil {
		return err
	}
	tokens := lexer.Tokenize(string(data))
	if len(tokens) > maxTokens {
		return at(name, data, tokens[maxTokens], fmt.Sprintf("the file has more than %d words, signs and comments; write less, or several files", maxTokens), "")
	}
	depth, entries := 0, 0
	for _, tk := range tokens {
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth = max(0, depth-1)
		case token.SequenceEntryType:
			entries++ // "- - - -" nests on one line
		default:
			entries = 0
		}
		if max(depth, entries) > maxDepth {
			return at(name, data, tk, tooDeep, "")
		}
	}
	return nil
}

var tooDeep = fmt.Sprintf("lists and maps may be nested %d deep", maxDepth)

// text refuses bytes that are no UTF-8, and characters that YAML does not allow to stand as they
// are (YAML 1.2.2, 5.1): they would reach a terminal or be lost.
func text(name string, data []byte) error {
	lineNo, col := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		wrong := ""
		switch {
		case r == utf8.RuneError && size <= 1:
			wrong = fmt.Sprintf("byte %02X is no UTF-8; save the file as UTF-8", data[i])
		case r == '\n', r == '\r' && (i+1 == len(data) || data[i+1] != '\n'):
			lineNo, col = lineNo+1, 0
		case r < 0x20 && r != '\t' && r != '\r', r >= 0x7F && r < 0xA0 && r != 0x85:
			wrong = fmt.Sprintf("control character U+%04X; write it in quotes as \\u%04X", r, r)
		}
		if wrong != "" {
			return &PosError{File: name, Line: lineNo, Col: col, Msg: wrong}
		}
		col++
		i += size
	}
	return nil
}
