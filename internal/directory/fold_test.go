package directory_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/directory"
)

func TestNamesThatReadTheSameAreTheSame(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Sam": "sam", "SAM": "sam", "ｓａｍ": "sam", "sam.o-neil_2": "sam.o-neil_2", "a@b.example+x": "a@b.example+x",
		"JOSÉ": "josé", "Jose\u0301": "josé", "ИВАН": "иван", "山田たろう": "山田たろう", "김": "김", "サーバー": "サーバー", "ναός": "ναός",
	} {
		if got, err := directory.Fold(name); err != nil || got != want {
			t.Errorf("Fold(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestNamesThatCouldPassForAnotherAreRefused(t *testing.T) {
	t.Parallel()
	for what, name := range map[string]string{
		"empty": "", "space": "sa m", "leading space": " sam", "tab": "sa\tm", "control": "sam\x00", "newline": "sam\n",
		"Cyrillic a in a Latin name": "s\u0430m", "Greek in Latin": "\u03bfscar", "all Cyrillic, all drawn like Latin": "\u0441\u043e\u0440\u0435",
		"Cyrillic and Greek": "ж\u03bb", "Hangul and Hiragana": "김た", "zero-width joiner": "sa\u200dm", "right-to-left override": "sam\u202e", "soft hyphen": "sa\u00adm", "ligature": "o\ufb01cer",
		"Roman numeral": "sam\u2167", "only a sign": ".", "leading sign": "-sam", "slash": "a/b", "quote": "a'b", "bar": "a|b",
		"an id": "per_abcdefgh", "bad UTF-8": "sam\xff", "65 characters": strings.Repeat("a", 65), "emoji": "sam😀",
		"dotted capital I": "SAMİ", "accent without a letter of its own": "q\u0307",
	} {
		if got, err := directory.Fold(name); err == nil {
			t.Errorf("%s: Fold(%q) = %q, want a refusal", what, name, got)
		}
	}
}

// FuzzFold holds what the unique index relies on: one form per name, and no name of two alphabets.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"sam", "SAM", "ｓａｍ", "s\u0430m", "Jose\u0301", "", "山田たろう", "ß", "ẞ", "İ", "ı", "ﬁ", "ς", "Σ", "\u1e9e", "a\u0345"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		fold, err := directory.Fold(name)
		if err != nil {
			if fold != "" {
				t.Fatalf("Fold(%q) refuses and gives %q", name, fold)
			}
			return
		}
		if again, err := directory.Fold(fold); err != nil || again != fold {
			t.Fatalf("Fold(%q) = %q, whose fold is %q, %v", name, fold, again, err)
		}
		if n := utf8.RuneCountInString(fold); n == 0 || n > 64 || !utf8.ValidString(fold) {
			t.Fatalf("Fold(%q) = %q", name, fold)
		}
		latin, cyrillic, greek := false, false, false
		for _, c := range fold {
			if unicode.IsControl(c) || unicode.IsSpace(c) || unicode.Is(unicode.Cf, c) {
				t.Fatalf("Fold(%q) = %q keeps %U", name, fold, c)
			}
			latin = latin || unicode.Is(unicode.Latin, c)
			cyrillic = cyrillic || unicode.Is(unicode.Cyrillic, c)
			greek = greek || unicode.Is(unicode.Greek, c)
		}
		if latin && cyrillic || latin && greek || cyrillic && greek {
			t.Fatalf("Fold(%q) = %q mixes alphabets", name, fold)
		}
		if lower, err := directory.Fold(strings.ToLower(name)); err == nil && lower != fold {
			t.Fatalf("Fold(%q) = %q, of its lower case %q", name, fold, lower)
		}
	})
}

func TestOneMailboxIsOneHuman(t *testing.T) {
	t.Parallel()
	for _, same := range []string{"Sam@Example.com", "sam+ops@example.com", " sam@example.com ", "ｓam@example.com"} {
		if got := directory.FoldEmail(same); got != "sam@example.com" {
			t.Errorf("FoldEmail(%q) = %q", same, got)
		}
	}
	h := open(t)
	_, _, err := h.AddPerson(t.Context(), h.as("olga"), directory.NewPerson{Name: "Sam again", Email: "sam+2@example.com", Username: "sam2"})
	h.refused(err, "email_taken")
	for _, bad := range []string{"", "sam", "@example.com", "Sam <sam9@example.com>", "sam9@example.com\n", "+x@example.com"} {
		_, _, err := h.AddPerson(t.Context(), h.as("olga"), directory.NewPerson{Name: "X", Email: bad, Username: "sam9"})
		h.refused(err, "bad_person")
	}
	if got := h.roster().WithEmail("SAM+git@example.com"); len(got) != 1 || got[0] != h.people["sam"] {
		t.Errorf("WithEmail = %v, want sam", got)
	}
}
