package plugin

import (
	"fmt"
	"strings"

	"k8s.io/apiserver/pkg/authentication/serviceaccount"
)

const (
	// swathAccount is the service account whose token the plugin asks for unless --service-account names another.
	swathAccount = "swath"
	// sharedAccount is the service account of every Pod that names none. What it may do all of them may do, so the plugin
	// never proposes to give it rights.
	sharedAccount = "default"
)

// makeAccount is the command that makes a service account.
func makeAccount(namespace, name string) string {
	return fmt.Sprintf("\n  kubectl create serviceaccount %s -n %s", name, namespace)
}

// giveRights is the command that lets a service account train in a namespace.
func giveRights(namespace, accountNamespace, name string) string {
	return fmt.Sprintf("\n  kubectl create rolebinding %[3]s -n %[1]s --clusterrole=swath-trainingjob-editor --serviceaccount=%[2]s:%[3]s", namespace, accountNamespace, name)
}

// missingAccountHint is what to do where a namespace lacks the service account whose token was asked for.
func missingAccountHint(namespace, name string) string {
	hint := "\nMake the service account and give it the right, for instance with:" + makeAccount(namespace, name) + giveRights(namespace, namespace, name)
	if name == swathAccount {
		hint += "\nOr name one that has the right. Earlier versions took default, which still works: --service-account default"
	}
	return hint
}

// missingRightHint is what to do where the gateway's answer denies a service account a right. It is empty for other users.
func missingRightHint(namespace, answer string) string {
	user, _, _ := strings.Cut(answer, " ")
	accountNamespace, name, err := serviceaccount.SplitUsername(user)
	if err != nil {
		return ""
	}
	if name == sharedAccount {
		return "\nEvery Pod that names no service account has the rights of default. Make another and give it the right, for instance with:" +
			makeAccount(namespace, swathAccount) + giveRights(namespace, namespace, swathAccount) + "\nIt is used when --service-account is left out."
	}
	return "\nGive the service account the right, for instance with:" + giveRights(namespace, accountNamespace, name)
}
