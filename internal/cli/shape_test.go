package cli

import (
	"reflect"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/client"
)

// The client repeats the members of what it sends and of what it verifies, because it stands below the
// rooms that own them. Here both are in sight.
func TestTheClientKnowsEveryMember(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[change.Material](), reflect.TypeFor[client.Material]()},
		{reflect.TypeFor[change.PermitPredicate](), reflect.TypeFor[client.PermitPredicate]()},
	} {
		want, got := map[string]string{}, map[string]string{}
		members(pair[0], "", want)
		members(pair[1], "", got)
		for path, kind := range want {
			if got[path] != kind {
				t.Errorf("%s: the client has %q where the server has %q", path, got[path], kind)
			}
		}
		for path := range got {
			if want[path] == "" {
				t.Errorf("%s: the server has no such member", path)
			}
		}
	}
}

func members(t reflect.Type, path string, into map[string]string) {
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
		members(t.Elem(), path+"[]", into)
	case t.Kind() == reflect.Struct && t.PkgPath() != "time":
		for i := range t.NumField() {
			f := t.Field(i)
			tag := f.Tag.Get("json")
			name, _, _ := strings.Cut(tag, ",")
			into[path+"."+name] = tag
			members(f.Type, path+"."+name, into)
		}
	default:
		into[path] += t.Kind().String()
	}
}

func TestAGrantHasTheServersDigest(t *testing.T) {
	t.Parallel()
	want, err := change.GrantDigest(change.Grant{Op: "grant", Role: "security-lead", Person: "per_1", Until: 5})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (client.Grant{Op: "grant", Role: "security-lead", Person: "per_1", Until: 5}).Digest(); got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
