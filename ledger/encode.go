package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// stamp is how times are written: RFC 3339 in UTC, without trailing zeros.
const stamp = "2006-01-02T15:04:05.999999Z"

// encode is the one way to write an entry: JSON with sorted keys and no space, ended by a newline.
// It is written here and not taken from a library, because the chain hashes these bytes and a
// library may change its mind about what it escapes.
func encode(e Entry) []byte {
	b := []byte(`{"attrs":{`)
	for i, k := range slices.Sorted(maps.Keys(e.Attrs)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendString(b, e.Attrs[k])
	}
	b = fmt.Appendf(b, `},"cost":{"bytes":%d,"calls":%d,"pages":%d,"rows":%d}`, e.Cost.Bytes, e.Cost.Calls, e.Cost.Pages, e.Cost.Rows)
	if e.Hash != "" {
		b = appendString(append(b, `,"hash":`...), e.Hash)
	}
	b = appendString(append(b, `,"op":`...), e.Op)
	b = appendString(append(b, `,"prev":`...), e.Prev)
	b = strconv.AppendInt(append(b, `,"seq":`...), int64(e.Seq), 10)
	b = appendString(append(b, `,"time":`...), e.Time.UTC().Truncate(time.Microsecond).Format(stamp))
	return append(b, "}\n"...)
}

// appendString writes a JSON string. Escaped are only the quote, the backslash, and the characters
// that would break the line or play tricks on a terminal.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case sly(r):
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}

// sly tells control, bidi and invisible characters. The list is closed: hashes depend on it.
func sly(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff
}

func hash(e Entry) string {
	e.Hash = ""
	sum := sha256.Sum256(encode(e))
	return hex.EncodeToString(sum[:])
}
