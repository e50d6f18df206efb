package ledger

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine is the longest line that is read, in bytes; nothing that [Ledger.Append] writes comes near.
const maxLine = 4 << 20

// Read reads the JSON lines of a ledger and checks the chain. The error names the first line at
// which it breaks; what came before is returned.
func Read(r io.Reader) ([]Entry, error) {
	var out []Entry
	prev := ""
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("read ledger: line %d: %w", n, err)
		}
		e, err := decode(line)
		switch {
		case err != nil:
			return out, fmt.Errorf("read ledger: line %d is no entry: %w", n, err)
		case e.Seq != n:
			return out, fmt.Errorf("read ledger: line %d holds entry %d; an entry was removed, added or moved", n, e.Seq)
		case e.Prev != prev:
			return out, fmt.Errorf("read ledger: line %d does not follow the entry before it; an entry was changed or removed", n)
		case hash(e) != e.Hash || !bytes.Equal(encode(e), line):
			// The bytes are compared too: JSON can say the same in many ways, a ledger in one.
			return out, fmt.Errorf("read ledger: line %d was changed: its hash is not that of its content", n)
		}
		prev = e.Hash
		out = append(out, e)
	}
}

// Verify reads a ledger as [Read] does and checks that it ends at head, the hash that was written
// down elsewhere: without it, entries missing at the end cannot be seen.
func Verify(r io.Reader, head string) error {
	entries, err := Read(r)
	if err != nil {
		return err
	}
	end := ""
	if n := len(entries); n > 0 {
		end = entries[n-1].Hash
	}
	if end != head {
		return fmt.Errorf("read ledger: after line %d it ends at %.12q, not at %.12q as was written down; entries were cut off or added at the end", len(entries), end, head)
	}
	return nil
}

// readLine reads one line with its newline.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("is longer than %d bytes, which no ledger writes", maxLine)
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, errors.New("does not end; the file was cut while it was written, or later")
		default:
			return nil, err
		}
	}
}

func decode(line []byte) (Entry, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	var e Entry
	if err := dec.Decode(&e); err != nil {
		return Entry{}, err
	}
	return e, nil
}
