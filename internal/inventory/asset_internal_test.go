package inventory

import (
	"reflect"
	"slices"
	"testing"
)

// Whatever a row of an asset shows besides its version and its last change keeps the row from being written in part.
func TestAnAssetThatLooksOtherwiseIsWrittenWhole(t *testing.T) {
	t.Parallel()
	apart := []string{"N", "Version", "First", "Changed", "Attrs"} // never change, are written always, or are not stored
	a := Asset{ID: "AST-000001", Labels: map[string]Label{}}
	if !a.looks(a) {
		t.Fatal("an asset does not look like itself")
	}
	for i := range reflect.TypeFor[Asset]().NumField() {
		field := reflect.TypeFor[Asset]().Field(i)
		if slices.Contains(apart, field.Name) {
			continue
		}
		b := a
		v := reflect.ValueOf(&b).Elem().Field(i)
		switch field.Type.Kind() {
		case reflect.String:
			v.SetString("other")
		case reflect.Map:
			m := reflect.MakeMap(field.Type)
			m.SetMapIndex(reflect.ValueOf("key").Convert(field.Type.Key()), reflect.New(field.Type.Elem()).Elem())
			v.Set(m)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(field.Type, 1, 1))
		case reflect.Int64:
			v.SetInt(1)
		case reflect.Struct:
			v.Field(0).SetString("other")
		case reflect.Bool:
			v.SetBool(true)
		default:
			t.Fatalf("%s is of a kind that this test does not know", field.Name)
		}
		if a.looks(b) {
			t.Errorf("an asset with another %s looks the same, so that it would not be written", field.Name)
		}
	}
}
