package knowledge

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// writeDatabase writes a database in MaxMind's format: a search tree of 32-bit records over 128 bits
// of address, 16 zero bytes, the data, and the metadata behind their marker.
func writeDatabase(t *testing.T, typ string, epoch uint32, nets map[string]map[string]any) string {
	t.Helper()
	type node [2]int // 0: nothing; > 0: a node; < 0: data number -n
	nodes := []node{{}}
	var data [][]byte
	names := []string{}
	for n := range nets {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, name := range names {
		p := netip.MustParsePrefix(name)
		a, bits := p.Addr().As16(), p.Bits()
		if p.Addr().Is4() { // IPv4 lies under ::/96
			v4 := p.Addr().As4()
			a = [16]byte{}
			copy(a[12:], v4[:])
			bits += 96
		}
		data = append(data, encode(nets[name]))
		at := 0
		for i := range bits {
			bit := int(a[i/8]>>(7-i%8)) & 1
			if i == bits-1 {
				nodes[at][bit] = -len(data)
				break
			}
			if nodes[at][bit] <= 0 {
				nodes = append(nodes, node{})
				nodes[at][bit] = len(nodes) - 1
			}
			at = nodes[at][bit]
		}
	}
	var offsets []int
	var section bytes.Buffer
	for _, d := range data {
		offsets = append(offsets, section.Len())
		section.Write(d)
	}
	var out bytes.Buffer
	for _, n := range nodes {
		for _, r := range n {
			v := len(nodes)
			switch {
			case r > 0:
				v = r
			case r < 0:
				v = len(nodes) + 16 + offsets[-r-1]
			}
			out.Write(binary.BigEndian.AppendUint32(nil, uint32(v)))
		}
	}
	out.Write(make([]byte, 16))
	out.Write(section.Bytes())
	out.WriteString("\xab\xcd\xefMaxMind.com")
	out.Write(encode(map[string]any{
		"node_count": uint32(len(nodes)), "record_size": uint16(32), "ip_version": uint16(6), "database_type": typ, "binary_format_major_version": uint16(2),
		"binary_format_minor_version": uint16(0), "build_epoch": uint64(epoch), "description": map[string]any{}, "languages": []string{},
	}))
	path := filepath.Join(t.TempDir(), typ+".mmdb")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// encode writes a value in the format's data encoding.
func encode(v any) []byte {
	control := func(typ, size int) []byte {
		var b []byte
		if typ > 7 {
			b = []byte{0, byte(typ - 7)}
		} else {
			b = []byte{byte(typ << 5)}
		}
		if size < 29 {
			b[0] |= byte(size)
			return b
		}
		b[0] |= 29
		return append(b, byte(size-29))
	}
	switch v := v.(type) {
	case string:
		return append(control(2, len(v)), v...)
	case uint16:
		return append(control(5, 2), byte(v>>8), byte(v))
	case uint32:
		return binary.BigEndian.AppendUint32(control(6, 4), v)
	case uint64:
		return binary.BigEndian.AppendUint64(control(9, 8), v)
	case []string:
		return control(11, len(v))
	case map[string]any:
		out := control(7, len(v))
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			out = append(append(out, encode(k)...), encode(v[k])...)
		}
		return out
	}
	panic("no such type in a test database")
}
