package connect

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/fault"
)

func codeOf(err error) string {
	if own := (*fault.Error)(nil); errors.As(err, &own) {
		return own.Code
	}
	return ""
}

func TestLabelsAreReadOffTagsAndOtherWordsAreNone(t *testing.T) {
	t.Parallel()
	got := Labels(map[string]string{"Env": "Production", "owner": "team-web", "classification": "very secret", "criticality": "11", "Name": "web"})
	if diff := cmp.Diff(map[string]string{"environment": "prod", "owner": "team-web"}, got); diff != "" {
		t.Error(diff)
	}
	if got := Labels(map[string]string{"environment": "dev", "env": "prod"})["environment"]; got != "dev" {
		t.Errorf("environment is %s", got)
	}
}

func TestADocumentOverTheLimitIsRefusedAndOneAtItIsNot(t *testing.T) {
	t.Parallel()
	if b, err := ReadAll(strings.NewReader("12345"), 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := ReadAll(strings.NewReader("123456"), 5); codeOf(err) != "document_too_large" {
		t.Error(err)
	}
}

func TestAnEndpointKeepsCredentialsOffThePlainNetwork(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"https://api.example.com/v1": true, "http://127.0.0.1:8080": true, "http://localhost:1": true,
		"http://api.example.com": false, "https://me:pw@api.example.com": false, "ftp://x": false, "https://": false, "https://a/?token=x": false,
	} {
		if _, err := Endpoint("endpoint", text); (err == nil) != ok || !ok && codeOf(err) != "bad_setting" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAClientSendsItsCredentialNowhereElseAndStopsReading(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/long", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 100))
	}))
	defer server.Close()
	client := Client(nil, time.Minute, 99)
	defer client.CloseIdleConnections()
	answer, err := client.Get(server.URL + "/away")
	if err != nil || answer.StatusCode != http.StatusFound || asked != 1 {
		t.Fatal(err, asked)
	}
	_ = answer.Body.Close()
	answer, err = client.Get(server.URL + "/long")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(answer.Body); !errors.Is(err, errLong) {
		t.Error(err)
	}
	_ = answer.Body.Close()
}

func TestAFailureIsToldWithoutWhatWasSent(t *testing.T) {
	t.Parallel()
	client := Client(nil, time.Minute, 99)
	_, err := client.Get("http://127.0.0.1:1/?token=geheim-1234")
	err = Unreadable("servers", err)
	if codeOf(err) != "not_readable" || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), "no connection") {
		t.Error(err)
	}
	if codeOf(Status("servers", http.StatusForbidden)) != "not_admitted" || codeOf(Status("servers", http.StatusBadGateway)) != "not_readable" {
		t.Error("status")
	}
}

func TestSettingsAreLists(t *testing.T) {
	t.Parallel()
	if got := strings.Join(List(" a, b;a\n c\t"), "|"); got != "a|b|c" {
		t.Errorf("list: %s", got)
	}
	for text, want := range map[string]string{"host": "host:53", "host:5": "host:5", "::1": "[::1]:53", "[::1]:5": "[::1]:5"} {
		if got := Address(text, "53"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string][2]bool{"Yes": {true, true}, "": {false, true}, "no": {false, true}, "perhaps": {false, false}} {
		if yes, ok := Yes(text); yes != want[0] || ok != want[1] {
			t.Errorf("%q: %v %v", text, yes, ok)
		}
	}
	if got := fmt.Sprint(HostNames("DB1.Example.org.")); got != "[{hostname db1} {fqdn db1.example.org}]" || HostNames("\xff") != nil || HostNames("") != nil {
		t.Errorf("names: %s", got)
	}
}
