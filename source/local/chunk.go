package local

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// The driver's Appender takes rows of boxed values, with a call into C for each value. This file
// fills DuckDB's own vectors instead, 2048 rows at a time, and hands them over whole. The C
// interface is public (duckdb-go's package mapping); only the driver's connection has to be
// taken out of the driver, which keeps it to itself.

// handle is the C handle of a connection of the driver, to be used while that is held. It is read
// by reflection: the driver's version is pinned, and another shape is an error, not a guess.
func handle(driverConn any) (mapping.Connection, error) {
	c, ok := driverConn.(*duckdb.Conn)
	if !ok {
		return mapping.Connection{}, errors.New("the driver's connection is not DuckDB's")
	}
	field := reflect.ValueOf(c).Elem().FieldByName("conn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[mapping.Connection]() {
		return mapping.Connection{}, errors.New("this version of the DuckDB driver keeps its connection elsewhere")
	}
	return mapping.Connection{Ptr: field.FieldByName("Ptr").UnsafePointer()}, nil
}

// A table appends to one table of the store.
type table struct {
	name      string
	types     []mapping.LogicalType
	kinds     []mapping.Type
	app       mapping.Appender
	chunk     mapping.DataChunk
	data      []unsafe.Pointer // by column: the values of the chunk
	valid     []unsafe.Pointer // by column: a bit a row
	n         int              // rows in the chunk
	rows      int              // not flushed
	bytes     int              // of texts in the chunk
	unflushed int              // bytes handed over and not flushed
	pin       runtime.Pinner   // what texts of the chunk lie in
}

// text is DuckDB's string: up to 12 bytes stand in it, of a longer one the first four and where
// it lies (duckdb.h, duckdb_string_t).
type text struct {
	size  uint32
	head  [4]byte
	where uintptr
}

const inlined = 12

func newTable(conn mapping.Connection, name string) (*table, error) {
	t := &table{name: name}
	if mapping.AppenderCreateExt(conn, "store", "main", name, &t.app) == mapping.StateError {
		err := fmt.Errorf("append to %s: %s", name, mapping.AppenderError(t.app))
		mapping.AppenderDestroy(&t.app)
		return nil, err
	}
	for i := range mapping.AppenderColumnCount(t.app) {
		typ := mapping.AppenderColumnType(t.app, i)
		t.types = append(t.types, typ)
		t.kinds = append(t.kinds, mapping.GetTypeId(typ))
	}
	t.data, t.valid = make([]unsafe.Pointer, len(t.types)), make([]unsafe.Pointer, len(t.types))
	t.chunk = mapping.CreateDataChunk(t.types)
	t.ready()
	return t, nil
}

// ready looks up where the vectors of an empty chunk lie.
func (t *table) ready() {
	t.n = 0
	for i := range t.types {
		v := mapping.DataChunkGetVector(t.chunk, mapping.IdxT(i))
		mapping.VectorEnsureValidityWritable(v)
		t.data[i], t.valid[i] = mapping.VectorGetData(v), mapping.VectorGetValidity(v)
	}
}

// full tells whether the chunk takes no more rows: it is handed over before the next.
func (t *table) full() bool { return t.n == duckdb.GetDataChunkCapacity() || t.bytes >= chunkBytes }

// chunkBytes is how many bytes of texts a chunk takes: a chunk of long records is not full by rows.
const chunkBytes = 4 << 20

func (t *table) setNull(col int) {
	word := (*uint64)(unsafe.Add(t.valid[col], t.n/64*8))
	*word &^= 1 << (t.n % 64)
}

func (t *table) setNumber(col int, n int64) {
	if t.kinds[col] == mapping.TypeBoolean {
		*(*bool)(unsafe.Add(t.data[col], t.n)) = n != 0
		return
	}
	*(*int64)(unsafe.Add(t.data[col], t.n*8)) = n
}

// setText sets a text whose memory stays where it is until the chunk was handed over.
func (t *table) setText(col int, b []byte) {
	at := unsafe.Add(t.data[col], t.n*int(unsafe.Sizeof(text{})))
	if len(b) <= inlined {
		var short [16]byte
		*(*uint32)(unsafe.Pointer(&short)) = uint32(len(b))
		copy(short[4:], b)
		*(*[16]byte)(at) = short
		return
	}
	*(*text)(at) = text{size: uint32(len(b)), head: [4]byte(b), where: uintptr(unsafe.Pointer(unsafe.SliceData(b)))}
}

// row appends a row of values: string, int64 or bool.
func (t *table) row(vals ...any) error {
	for i, v := range vals {
		switch v := v.(type) {
		case string:
			if len(v) > inlined {
				t.pin.Pin(unsafe.StringData(v))
			}
			t.setText(i, unsafe.Slice(unsafe.StringData(v), len(v)))
		case int64:
			t.setNumber(i, v)
		case bool:
			n := int64(0)
			if v {
				n = 1
			}
			t.setNumber(i, n)
		default:
			return fmt.Errorf("append to %s: no column takes %T", t.name, v)
		}
	}
	t.n++
	if t.full() {
		return t.hand()
	}
	return nil
}

// hand hands the chunk over to DuckDB, which copies what is in it.
func (t *table) hand() error {
	if t.n == 0 {
		return nil
	}
	mapping.DataChunkSetSize(t.chunk, mapping.IdxT(t.n))
	state := mapping.AppendDataChunk(t.app, t.chunk)
	t.pin.Unpin()
	if state == mapping.StateError {
		return fmt.Errorf("append to %s: %s", t.name, mapping.AppenderError(t.app))
	}
	t.rows += t.n
	t.unflushed += t.bytes
	t.bytes = 0
	mapping.DataChunkReset(t.chunk)
	t.ready()
	return nil
}

// flush hands over what is left and puts it into the table, inside the transaction.
func (t *table) flush() error {
	if err := t.hand(); err != nil {
		return err
	}
	if t.rows == 0 {
		return nil
	}
	t.rows, t.unflushed = 0, 0
	if mapping.AppenderFlush(t.app) == mapping.StateError {
		return fmt.Errorf("append to %s: %s", t.name, mapping.AppenderError(t.app))
	}
	return nil
}

// take sets the next row, whose texts stay where they are until the chunk was handed over.
func (t *table) take(b *batch, row []val) {
	for col, v := range row {
		switch v.size {
		case isNumber:
			t.setNumber(col, v.n)
		case isNull:
			t.setNull(col)
		default:
			t.setText(col, b.texts[v.n:v.n+int64(v.size)])
			t.bytes += int(v.size)
		}
	}
	t.n++
}

// free gives back what the table holds; what was not flushed is lost.
func (t *table) free() {
	t.pin.Unpin()
	mapping.DestroyDataChunk(&t.chunk)
	_ = mapping.AppenderDestroy(&t.app)
	for i := range t.types {
		mapping.DestroyLogicalType(&t.types[i])
	}
}
