package plan

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// synthetic writes a plan in the shape of a real one, with all its sections, until it has about the
// wanted number of bytes or resources, whichever is given. Terraform itself cannot plan so many in
// reasonable time.
func synthetic(resources, size int) []byte {
	one := func(i int, after string) string {
		return fmt.Sprintf(`{"ami":"ami-0a1b2c3d4e5f%05d","arn":"arn:aws:ec2:eu-central-1:123456789012:instance/i-0abcdef12345%05d",`+
			`"availability_zone":"eu-central-1a","credit_specification":[{"cpu_credits":"standard"}],"db_password":"pass-word-%d-%s",`+
			`"ebs_block_device":[{"delete_on_termination":true,"device_name":"/dev/sdb","iops":3000,"tags":{},"volume_size":%d}],`+
			`"id":"i-0abcdef12345%05d","instance_type":"t3.%s","ipv6_addresses":[],"key_name":null,"monitoring":true,`+
			`"policy":"{\"Statement\":[{\"Action\":[\"s3:GetObject\",\"s3:ListBucket\"],\"Effect\":\"Allow\",\"Resource\":\"arn:aws:s3:::bucket-%d/*\"}],\"Version\":\"2012-10-17\"}",`+
			`"private_dns":"ip-10-0-%d-%d.eu-central-1.compute.internal","root_block_device":[{"encrypted":true,"kms_key_id":"","throughput":125,"volume_size":8,"volume_type":"gp3"}],`+
			`"subnet_id":"subnet-0a1b2c3d4e5f67890","tags":{"Environment":"production","Name":"web-%d","Owner":"platform team","Description":"Web server number %d of the fleet, see https://wiki.example.com/web/%d for the runbook."},`+
			`"user_data":"#!/bin/bash\napt-get update\napt-get install -y nginx\nhostnamectl set-hostname web-%d\n","vpc_security_group_ids":["sg-0a1b2c3d4e5f67890","sg-0a1b2c3d4e5f67891"]}`,
			i, i, i, after, 10+i%90, i, after, i, i/256%256, i%256, i, i, i, i)
	}
	if resources == 0 {
		resources = size / 5800
	}
	var values, changes, config strings.Builder
	for i := range resources {
		head := fmt.Sprintf(`{"address":"module.fleet[\"%d\"].aws_instance.web[%d]","mode":"managed","type":"aws_instance","name":"web","index":%d,`+
			`"provider_name":"registry.terraform.io/hashicorp/aws",`, i%7, i, i)
		fmt.Fprintf(&values, `,%s"schema_version":1,"values":%s,"sensitive_values":{"db_password":true}}`, head, one(i, "large"))
		fmt.Fprintf(&changes, `,%s"module_address":"module.fleet[\"%d\"]","change":{"actions":["update"],"before":%s,"after":%s,"after_unknown":{"ebs_block_device":[{"tags":{}}],"tags":{}},`+
			`"before_sensitive":{"db_password":true,"tags":{}},"after_sensitive":{"db_password":true,"ebs_block_device":[{"tags":{}}]}}}`,
			head, i%7, one(i, "small"), one(i, "large"))
		fmt.Fprintf(&config, `,{"address":"aws_instance.web","mode":"managed","type":"aws_instance","name":"web","expressions":{"ami":{"references":["var.ami"]},"instance_type":{"constant_value":"t3.large"}}}`)
	}
	state := `{"root_module":{"child_modules":[{"address":"module.fleet","resources":[` + values.String()[1:] + `]}]}}`
	return []byte(`{"format_version":"1.2","terraform_version":"1.11.4","variables":{"ami":{"value":"ami-1"}},"planned_values":` + state +
		`,"resource_changes":[` + changes.String()[1:] + `],"output_changes":{},"prior_state":{"format_version":"1.0","terraform_version":"1.11.4","values":` + state +
		`},"configuration":{"root_module":{"resources":[` + config.String()[1:] + `]}},"timestamp":"2026-01-01T00:00:00Z","applyable":true,"complete":true,"errored":false}`)
}

// ours is what `plumb gate` does with a plan; twin is the plain program it is measured against.
func ours(r io.Reader) error {
	p, err := Read(r, Options{Key: testKey})
	if err != nil {
		return err
	}
	if _, reason := p.Normalized(); reason != "" {
		return fmt.Errorf("no digest: %s", reason)
	}
	p.Document()
	return nil
}

func twin(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	sha256.Sum256(b)
	runtime.KeepAlive(v)
	return nil
}

func BenchmarkPlan(b *testing.B) {
	for _, size := range []struct {
		name string
		plan []byte
	}{{"500resources", synthetic(500, 0)}, {"40MB", synthetic(0, 40<<20)}} {
		for name, f := range map[string]func(io.Reader) error{"ours": ours, "twin": twin} {
			b.Run(size.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(size.plan)))
				for b.Loop() {
					if err := f(io.MultiReader(bytes.NewReader(size.plan))); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkMemory reads a plan of 40 MB in a process of its own and reports what that process held at
// its peak; the bound is 300 MB.
func BenchmarkMemory(b *testing.B) {
	if path := os.Getenv("PLUMB_PLAN_CHILD"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := ours(f); err != nil {
			b.Fatal(err)
		}
		status, _ := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "VmHWM:") {
				fmt.Print("peak ", line)
			}
		}
		return
	}
	path := b.TempDir() + "/plan.json"
	if err := os.WriteFile(path, synthetic(0, 40<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkMemory$", "-test.benchtime=1x")
		cmd.Env = append(os.Environ(), "PLUMB_PLAN_CHILD="+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		_, tail, _ := strings.Cut(string(out), "peak VmHWM:")
		var kb int
		if _, err := fmt.Sscan(tail, &kb); err != nil {
			b.Fatalf("no peak in %q", out)
		}
		b.ReportMetric(float64(kb)/1024, "peak-MB")
		if kb > 300<<10 {
			b.Fatalf("a plan of 40 MB took %d MB, the bound is 300", kb>>10)
		}
	}
}
