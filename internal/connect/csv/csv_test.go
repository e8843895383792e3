package csv

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

func mask(secret string) inventory.Value {
	return inventory.Text(fmt.Sprintf("hmac:%d", len(secret)))
}

func collect(t *testing.T, r io.Reader, settings map[string]string) ([]inventory.Record, error) {
	t.Helper()
	src, err := Kind().Open(inventory.Input{Settings: settings, Document: r, Mask: mask})
	if err != nil {
		return nil, err
	}
	var out []inventory.Record
	err = src.Collect(t.Context(), func(r inventory.Record) error { out = append(out, r); return nil })
	return out, err
}

func read(t *testing.T, text string, settings map[string]string) []inventory.Record {
	t.Helper()
	out, err := collect(t, strings.NewReader(text), settings)
	if err != nil {
		t.Fatal(err, fault.Of(err).Fields)
	}
	return out
}

func TestHeaderSaysWhatColumnsAre(t *testing.T) {
	t.Parallel()
	out := read(t, "\uFEFFServer;Class;Type;Stage;Owner;MAC;IP;Notes;DB Password\r\n"+
		"web-1;host;rack_server;Production;ops;02-FC-00-00-00-01;10.0.0.2 10.0.0.1;\"two\r\nlines; and \"\"quotes\"\"\";hunter2hunter2\r\n",
		map[string]string{"columns": "Server=name, Stage=environment", "delimiter": "semicolon"})
	if len(out) != 1 {
		t.Fatalf("%d records, want 1", len(out))
	}
	r := out[0]
	if r.Name != "web-1" || r.Native != "web-1" || r.Class != inventory.Host || r.Type != "rack_server" {
		t.Errorf("got %+v", r)
	}
	if r.Labels["environment"] != "prod" || r.Labels["owner"] != "ops" {
		t.Errorf("labels %v", r.Labels)
	}
	if got, want := r.Attrs["ip"], inventory.Set("10.0.0.1", "10.0.0.2"); got != want {
		t.Errorf("ip %s, want %s", got, want)
	}
	if got, want := r.Attrs["notes"], inventory.Text("two\nlines; and \"quotes\""); got != want {
		t.Errorf("notes %s, want %s", got, want)
	}
	if got, want := r.Attrs["db password"], inventory.Text("hmac:14"); got != want {
		t.Errorf("a secret's column gave %s, want %s", got, want)
	}
	want := inventory.Identifier{Kind: "mac", Value: "02:fc:00:00:00:01"}
	if len(r.IDs) != 3 || r.IDs[0] != want {
		t.Errorf("ids %v", r.IDs)
	}
}

// Each wrong line is told by its number in the file, and a table with one is not taken.
func TestWrongLinesAreToldByTheirNumbers(t *testing.T) {
	t.Parallel()
	out, err := collect(t, strings.NewReader("name,environment,ip,class\n"+
		"a,prod,10.0.0.1,Host\n"+
		"b,prd,10.0.0.2,Host\n"+
		"c,prod\n"+
		"\"d\nd\",prod,nope,Host\n"+
		"=HYPERLINK(1),prod,,Host\n"+
		"a,prod,,Host\n"+
		",prod,,Thing\n"), nil)
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != "bad_table" {
		t.Fatalf("got %v", err)
	}
	if len(out) != 1 {
		t.Errorf("%d records were given, want only what stood before the first wrong line", len(out))
	}
	var places []string
	for _, x := range f.Fields {
		places = append(places, x.Path)
		if strings.Contains(x.Problem, "HYPERLINK") {
			t.Errorf("a cell is repeated: %s", x.Problem)
		}
	}
	if got, want := strings.Join(places, ","), "line 3,line 4,line 5,line 7,line 7,line 8,line 9,line 9"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

func TestWhatIsNoTableIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":               "",
		"no line":               "name,ip\n",
		"no name":               "host,ip\na,1.1.1.1\n",
		"a heading twice":       "name,env,environment\na,prod,test\n",
		"a formula for heading": "name,=1+1\na,b\n",
		"an open quote":         "name,ip\n\"a,1.1.1.1\n",
		"a bare quote":          "name,ip\na\"b,1.1.1.1\n",
		"no text":               "name,x\na,\xff\xfe\n",
		"a zero":                "name,x\na,b\x00\n",
		"a command":             "name,x\na,+cmd|' /C calc'!A0\n",
	} {
		if _, err := collect(t, strings.NewReader(text), nil); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, n := range []string{"-5", "+43 1 2345", "'=1+1", "-", "+49 (0)30 1"} {
		if out := read(t, "name,x\na,"+n+"\n", nil); out[0].Attrs["x"] != inventory.Text(n) {
			t.Errorf("%s gave %s", n, out[0].Attrs["x"])
		}
	}
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []map[string]string{{"class": "Thing"}, {"type": "A b"}, {"delimiter": "x"}, {"columns": "Server"}} {
		if _, err := collect(t, strings.NewReader("name\na\n"), s); fault.Of(err).Code != "bad_setting" {
			t.Errorf("%v gave %v", s, err)
		}
	}
}

// written writes lines while they are read, and remembers how far ahead of the records it was asked.
type written struct {
	lines, next, ahead int
	given              *int
	rest               []byte
}

func (w *written) Read(p []byte) (int, error) {
	for len(w.rest) == 0 {
		if w.next > w.lines {
			return 0, io.EOF
		}
		if w.rest = fmt.Appendf(nil, "host-%d,prod,10.%d.%d.%d,\"quoted\nline\"\n", w.next, w.next>>16, w.next>>8&255, w.next&255); w.next == 0 {
			w.rest = []byte("name,env,ip,note\n")
		}
		w.ahead = max(w.ahead, w.next-*w.given)
		w.next++
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func TestAHundredThousandLinesAreNotGathered(t *testing.T) {
	t.Parallel()
	given := 0
	w := &written{lines: 100_000, given: &given}
	src, err := Kind().Open(inventory.Input{Document: w, Mask: mask})
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Collect(t.Context(), func(inventory.Record) error { given++; return nil }); err != nil {
		t.Fatal(err)
	}
	if given != 100_000 || w.ahead > 1000 {
		t.Errorf("%d records, %d lines read ahead", given, w.ahead)
	}
}

func TestNoMoreThanTheBoundIsRead(t *testing.T) {
	t.Parallel()
	cell := "a," + strings.Repeat("x", 30_000) + "\n"
	endless := io.MultiReader(strings.NewReader("name,x\n"), &repeat{text: cell})
	if _, err := collect(t, endless, nil); fault.Of(err).Code != "bad_table" && fault.Of(err).Code != "document_too_large" {
		t.Errorf("got %v", err)
	}
	open := io.MultiReader(strings.NewReader("name,x\na,\""), &repeat{text: cell})
	if _, err := collect(t, open, nil); fault.Of(err).Code != "document_too_large" {
		t.Errorf("a cell without end gave %v", err)
	}
}

type repeat struct{ text string }

func (r *repeat) Read(p []byte) (int, error) { return copy(p, r.text), nil }

func FuzzCollect(f *testing.F) {
	for _, s := range []string{"name\na\n", "\uFEFFname,env\r\n\"a\r\nb\",prod\r\n", "name,ip,mac\na,1.1.1.1 2.2.2.2,02:00:00:00:00:01\n", "name,x\na,=1\n", "name,\"\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		seen := map[string]bool{}
		out, err := collect(t, strings.NewReader(text), nil)
		for _, r := range out {
			if key := r.Type + "/" + r.Native; r.Name == "" || r.Native == "" || seen[key] {
				t.Errorf("record %q without a name or twice", key)
			} else {
				seen[key] = true
			}
		}
		if err == nil && len(out) == 0 {
			t.Error("an empty table was taken for a complete one")
		}
	})
}
