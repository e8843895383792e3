package office

import "strings"

// Browsers and systems as they name themselves, the more particular ones first: nearly all claim to be
// several others, too.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"HeadlessChrome/", "Chromium"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"}}
	systems  = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

// deviceWords names the browser and the system of a user agent; "" for what is none that people know. It is
// a claim, and nothing is decided by it.
func deviceWords(agent string) string {
	if !strings.HasPrefix(agent, "Mozilla/5.0 (") {
		return ""
	}
	browser, system := "", ""
	for _, b := range browsers {
		if _, rest, is := strings.Cut(agent, b[0]); is {
			version, _, _ := strings.Cut(rest, ".")
			if len(version) > 4 || strings.Trim(version, "0123456789") != "" {
				return ""
			}
			browser = strings.TrimSpace(b[1] + " " + version)
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(agent, s[0]) {
			system = s[1]
			break
		}
	}
	if browser == "" || system == "" {
		return ""
	}
	return browser + " on " + system
}
