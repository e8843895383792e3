//go:build !unix

package cli_test

import "os"

var terminate = os.Kill
