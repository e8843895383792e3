#!/bin/sh
# Makes the fixtures of this folder with the real terraform (or tofu) on PATH; needs no network.
#   ./make.sh [terraform|tofu]
# The secrets below are canaries: the tests look for each of them in everything that leaves the machine.
set -eu
tf=${1:-terraform}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
: >cli.rc
export TF_CLI_CONFIG_FILE="$work/cli.rc" CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1

plan() { # name, arguments of plan: writes the saved plan as JSON
	name=$1; shift
	$tf plan -input=false -lock=false -out=p "$@" >plan.log 2>&1 || test -s p
	$tf show -json p >"$here/$name.json"
}
apply() { $tf apply -input=false -auto-approve "$@" >apply.log 2>&1; }
fresh() { rm -rf main.tf p terraform.tfstate* .terraform*; }

base='
variable "password" {
  type      = string
  sensitive = true
  default   = "canary-variable-0"
}
variable "settings" {
  type      = object({ region = string, key = string, pin = number })
  sensitive = true
  default   = { region = "canary-region-1", key = "canary-nested-2", pin = 48151623 }
}
variable "plain" { default = "seen by everyone" }
'
create="$base"'
resource "terraform_data" "one" {
  input = { name = "web", size = 2, big = 9007199254740993, on = true, none = null, text = "a<b & \"c\" ü" }
}
resource "terraform_data" "masked" {
  input            = { user = "app", password = var.password, list = ["x", var.settings.key, { deep = var.settings.pin }] }
  triggers_replace = [var.plain]
}
resource "terraform_data" "whole" { input = var.settings }
resource "terraform_data" "leaky" {
  input = {
    note = nonsensitive("the password is ${var.password}!")
    json = jsonencode({ user = "app", api_key = "canary-json-3", url = "postgres://app:canary-url-4@db.internal/x" })
    env  = "HOST=db.internal\nDB_PASSWORD=canary-env-5\n"
    aws  = "AKIAIOSFODNN7EXAMPLE"
    db_connection_string = "Server=db;Database=x;User Id=app;Pwd=canary-conn-6"
  }
}
resource "terraform_data" "each" {
  for_each = { blue = 1, "green \"b\"" = 2 }
  input    = each.value
}
resource "terraform_data" "keyed" {
  for_each = nonsensitive(toset([var.password]))
  input    = each.key
}
resource "terraform_data" "count" {
  count = 2
  input = terraform_data.one.id
}
module "net" {
  source   = "./net"
  for_each = toset(["eu", "us"])
  zone     = each.key
  token    = var.password
}
output "open" { value = terraform_data.one.output }
output "hidden" {
  value     = var.password
  sensitive = true
}
output "list" { value = [for d in terraform_data.each : d.input] }
check "size" {
  assert {
    condition     = terraform_data.one.input.size > 5
    error_message = "Too small: ${nonsensitive(var.password)}."
  }
}
'
mkdir -p net/sub
cat >net/main.tf <<'TF'
variable "zone" {}
variable "token" { sensitive = true }
resource "terraform_data" "lan" { input = { zone = var.zone, auth = var.token } }
module "sub" {
  source = "./sub"
  zone   = var.zone
}
output "id" { value = terraform_data.lan.id }
TF
cat >net/sub/main.tf <<'TF'
variable "zone" {}
resource "terraform_data" "leaf" { input = "leaf-${var.zone}" }
TF

# 1. everything new
printf '%s' "$create" >main.tf
$tf init -input=false >init.log
plan create
sleep 1
plan create-again
plan targeted -target=terraform_data.one
plan create-other-secret -var password=canary-rotated-9
apply
plan noop

# 2. update, replace, delete, move, forget, import, rotated secret
sed -e 's/size = 2/size = 3/' -e 's/blue = 1, //' -e 's/terraform_data" "one"/terraform_data" "first"/' \
	-e 's/terraform_data\.one/terraform_data.first/g' -e 's/count = 2/count = 1/' main.tf >n && mv n main.tf
cat >>main.tf <<'TF'
moved {
  from = terraform_data.one
  to   = terraform_data.first
}
import {
  to = terraform_data.taken
  id = "imported-id-1"
}
resource "terraform_data" "taken" { input = "taken over" }
TF
plan update -var plain=replaced -var password=canary-rotated-9
apply -var plain=replaced -var password=canary-rotated-9

# 3. create before destroy, removed but left alive, a pure move
sed -e '/^resource "terraform_data" "whole"/d' main.tf >n && mv n main.tf
sed -e 's/triggers_replace = \[var.plain\]/triggers_replace = [var.plain]\n  lifecycle { create_before_destroy = true }/' main.tf >n && mv n main.tf
cat >>main.tf <<'TF'
removed {
  from = terraform_data.whole
  lifecycle { destroy = false }
}
TF
plan forget -var plain=again -var password=canary-rotated-9
plan destroy -destroy -var plain=replaced -var password=canary-rotated-9
sed -e 's/"taken"/"held"/' -e 's/terraform_data.taken/terraform_data.held/' main.tf >n && mv n main.tf
cat >>main.tf <<'TF'
moved {
  from = terraform_data.taken
  to   = terraform_data.held
}
TF
plan refresh-only -refresh-only -var plain=replaced -var password=canary-rotated-9

# 4. a plan that found an error
fresh
cat >main.tf <<'TF'
resource "terraform_data" "fine" { input = 1 }
resource "terraform_data" "wrong" {
  input = 2
  lifecycle {
    precondition {
      condition     = terraform_data.fine.input == 2
      error_message = "Not two."
    }
  }
}
TF
$tf init -input=false >init.log
plan errored

# 5. a data source whose reading waits for the apply
fresh
cat >main.tf <<'TF'
resource "terraform_data" "first" { input = 1 }
data "terraform_remote_state" "other" {
  backend    = "local"
  config     = { path = "other.tfstate" }
  depends_on = [terraform_data.first]
}
TF
$tf init -input=false >init.log
plan read

# 6. streams of apply: one that works, one that fails half way, one that destroys
fresh
cat >main.tf <<'TF'
variable "password" {
  sensitive = true
  default   = "canary-stream-7"
}
resource "terraform_data" "a" { input = "a" }
resource "terraform_data" "b" {
  input = terraform_data.a.id
  provisioner "local-exec" { command = "echo says canary-says-8 token=canary-says-8" }
}
output "a" { value = terraform_data.a.output }
output "p" {
  value     = var.password
  sensitive = true
}
TF
$tf init -input=false >init.log
plan stream
$tf apply -json -input=false p >"$here/apply-ok.jsonl"
cat >>main.tf <<'TF'
resource "terraform_data" "bad" {
  input = "bad"
  provisioner "local-exec" { command = "echo about to fail with ${nonsensitive(var.password)}; exit 1" }
}
resource "terraform_data" "after" { input = terraform_data.bad.id }
TF
plan stream-bad
$tf apply -json -input=false p >"$here/apply-failed.jsonl" || true
$tf apply -json -destroy -auto-approve -input=false >"$here/apply-destroy.jsonl"
