package awstest

import (
	"reflect"
	"time"
)

// tree makes of a handler's answer what check understands: maps, lists and plain values. A nil
// pointer, slice or map is a missing member.
func tree(v any) any {
	switch x := v.(type) {
	case nil:
		return nil
	case time.Time, []byte, string, bool, int64, float64:
		return x
	}
	return grown(reflect.ValueOf(v))
}

func grown(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return tree(v.Elem().Interface())
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			if e := tree(v.MapIndex(k).Interface()); e != nil {
				out[k.String()] = e
			}
		}
		return out
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if e := tree(v.Field(i).Interface()); e != nil {
					out[f.Name] = e
				}
			}
		}
		return out
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nil
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = tree(v.Index(i).Interface())
		}
		return out
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	default:
		return v.Interface() // check says what it is
	}
}
