# bash completion of mcrctl; made by: mcrctl completion bash
_mcrctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= word
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case "$at/$word" in
		/record) at=/record ;;
		/record/get) at=/record/get ;;
		/document) at=/document ;;
		/document/get) at=/document/get ;;
		/locate) at=/locate ;;
		/consent) at=/consent ;;
		/consent/push) at=/consent/push ;;
		/consent/state) at=/consent/state ;;
		/status) at=/status ;;
		/version) at=/version ;;
		/completion) at=/completion ;;
		esac
	done
	COMPREPLY=()
	case "$at $prev" in
	"/record/get --section") COMPREPLY=($(compgen -W "demographics alerts allergies medications problems consultations hospital-activity investigations observations immunisations procedures referrals recalls appointments documents care-plans social-care contacts legal-safeguarding urgent-care-events about-me" -- "$cur")); return ;;
	"/record/get --from") compopt +o default; return ;;
	"/record/get --to") compopt +o default; return ;;
	"/record/get --format") COMPREPLY=($(compgen -W "text ndjson bundle json" -- "$cur")); return ;;
	"/record/get --as") return ;;
	"/record/get --user-id") compopt +o default; return ;;
	"/record/get --user-name") compopt +o default; return ;;
	"/record/get --role-code") compopt +o default; return ;;
	"/record/get --role-name") compopt +o default; return ;;
	"/record/get --role-profile") compopt +o default; return ;;
	"/record/get --organisation") compopt +o default; return ;;
	"/record/get --organisation-name") compopt +o default; return ;;
	"/record/get --purpose") COMPREPLY=($(compgen -W "TREAT ETREAT BTG" -- "$cur")); return ;;
	"/record/get --permission") COMPREPLY=($(compgen -W "ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED" -- "$cur")); return ;;
	"/record/get --reason") compopt +o default; return ;;
	"/record/get --request-id") compopt +o default; return ;;
	"/record/get --nhs-number") compopt +o default; return ;;
	"/record/get --nhs-number-file") return ;;
	"/record/get --family-name") compopt +o default; return ;;
	"/record/get --given-name") compopt +o default; return ;;
	"/record/get --birth-date") compopt +o default; return ;;
	"/record/get --gender") compopt +o default; return ;;
	"/record/get --region") return ;;
	"/record/get --agent") compopt +o default; return ;;
	"/record/get --ca") return ;;
	"/record/get --certificate") return ;;
	"/record/get --key") return ;;
	"/record/get --server-name") compopt +o default; return ;;
	"/record/get --timeout") compopt +o default; return ;;
	"/document/get --out") return ;;
	"/document/get --as") return ;;
	"/document/get --user-id") compopt +o default; return ;;
	"/document/get --user-name") compopt +o default; return ;;
	"/document/get --role-code") compopt +o default; return ;;
	"/document/get --role-name") compopt +o default; return ;;
	"/document/get --role-profile") compopt +o default; return ;;
	"/document/get --organisation") compopt +o default; return ;;
	"/document/get --organisation-name") compopt +o default; return ;;
	"/document/get --purpose") COMPREPLY=($(compgen -W "TREAT ETREAT BTG" -- "$cur")); return ;;
	"/document/get --permission") COMPREPLY=($(compgen -W "ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED" -- "$cur")); return ;;
	"/document/get --reason") compopt +o default; return ;;
	"/document/get --request-id") compopt +o default; return ;;
	"/document/get --nhs-number") compopt +o default; return ;;
	"/document/get --nhs-number-file") return ;;
	"/document/get --family-name") compopt +o default; return ;;
	"/document/get --given-name") compopt +o default; return ;;
	"/document/get --birth-date") compopt +o default; return ;;
	"/document/get --gender") compopt +o default; return ;;
	"/document/get --region") return ;;
	"/document/get --agent") compopt +o default; return ;;
	"/document/get --ca") return ;;
	"/document/get --certificate") return ;;
	"/document/get --key") return ;;
	"/document/get --server-name") compopt +o default; return ;;
	"/document/get --timeout") compopt +o default; return ;;
	"/locate --section") COMPREPLY=($(compgen -W "demographics alerts allergies medications problems consultations hospital-activity investigations observations immunisations procedures referrals recalls appointments documents care-plans social-care contacts legal-safeguarding urgent-care-events about-me" -- "$cur")); return ;;
	"/locate --format") COMPREPLY=($(compgen -W "text json" -- "$cur")); return ;;
	"/locate --as") return ;;
	"/locate --user-id") compopt +o default; return ;;
	"/locate --user-name") compopt +o default; return ;;
	"/locate --role-code") compopt +o default; return ;;
	"/locate --role-name") compopt +o default; return ;;
	"/locate --role-profile") compopt +o default; return ;;
	"/locate --organisation") compopt +o default; return ;;
	"/locate --organisation-name") compopt +o default; return ;;
	"/locate --purpose") COMPREPLY=($(compgen -W "TREAT ETREAT BTG" -- "$cur")); return ;;
	"/locate --permission") COMPREPLY=($(compgen -W "ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED" -- "$cur")); return ;;
	"/locate --reason") compopt +o default; return ;;
	"/locate --request-id") compopt +o default; return ;;
	"/locate --nhs-number") compopt +o default; return ;;
	"/locate --nhs-number-file") return ;;
	"/locate --family-name") compopt +o default; return ;;
	"/locate --given-name") compopt +o default; return ;;
	"/locate --birth-date") compopt +o default; return ;;
	"/locate --gender") compopt +o default; return ;;
	"/locate --region") return ;;
	"/locate --agent") compopt +o default; return ;;
	"/locate --ca") return ;;
	"/locate --certificate") return ;;
	"/locate --key") return ;;
	"/locate --server-name") compopt +o default; return ;;
	"/locate --timeout") compopt +o default; return ;;
	"/consent/push --sequence") compopt +o default; return ;;
	"/consent/push --as-of") compopt +o default; return ;;
	"/consent/push --format") COMPREPLY=($(compgen -W "text json" -- "$cur")); return ;;
	"/consent/push --region") return ;;
	"/consent/push --agent") compopt +o default; return ;;
	"/consent/push --ca") return ;;
	"/consent/push --certificate") return ;;
	"/consent/push --key") return ;;
	"/consent/push --server-name") compopt +o default; return ;;
	"/consent/push --timeout") compopt +o default; return ;;
	"/consent/state --format") COMPREPLY=($(compgen -W "text json" -- "$cur")); return ;;
	"/consent/state --region") return ;;
	"/consent/state --agent") compopt +o default; return ;;
	"/consent/state --ca") return ;;
	"/consent/state --certificate") return ;;
	"/consent/state --key") return ;;
	"/consent/state --server-name") compopt +o default; return ;;
	"/consent/state --timeout") compopt +o default; return ;;
	"/status --format") COMPREPLY=($(compgen -W "text json" -- "$cur")); return ;;
	"/status --region") return ;;
	"/status --agent") compopt +o default; return ;;
	"/status --ca") return ;;
	"/status --certificate") return ;;
	"/status --key") return ;;
	"/status --server-name") compopt +o default; return ;;
	"/status --timeout") compopt +o default; return ;;
	esac
	case "$at" in
	"") COMPREPLY=($(compgen -W "record document locate consent status version completion --help " -- "$cur")) ;;
	"/record") COMPREPLY=($(compgen -W "get " -- "$cur")) ;;
	"/record/get") COMPREPLY=($(compgen -W "--section --from --to --format --as --user-id --user-name --role-code --role-name --role-profile --organisation --organisation-name --purpose --permission --reason --request-id --nhs-number --nhs-number-file --family-name --given-name --birth-date --gender --region --agent --ca --certificate --key --server-name --timeout " -- "$cur")) ;;
	"/document") COMPREPLY=($(compgen -W "get " -- "$cur")) ;;
	"/document/get") COMPREPLY=($(compgen -W "--out --as --user-id --user-name --role-code --role-name --role-profile --organisation --organisation-name --purpose --permission --reason --request-id --nhs-number --nhs-number-file --family-name --given-name --birth-date --gender --region --agent --ca --certificate --key --server-name --timeout " -- "$cur")) ;;
	"/locate") COMPREPLY=($(compgen -W "--section --format --as --user-id --user-name --role-code --role-name --role-profile --organisation --organisation-name --purpose --permission --reason --request-id --nhs-number --nhs-number-file --family-name --given-name --birth-date --gender --region --agent --ca --certificate --key --server-name --timeout " -- "$cur")) ;;
	"/consent") COMPREPLY=($(compgen -W "push state " -- "$cur")) ;;
	"/consent/push") COMPREPLY=($(compgen -W "--sequence --as-of --format --region --agent --ca --certificate --key --server-name --timeout " -- "$cur")) ;;
	"/consent/state") COMPREPLY=($(compgen -W "--format --region --agent --ca --certificate --key --server-name --timeout " -- "$cur")) ;;
	"/status") COMPREPLY=($(compgen -W "--format --region --agent --ca --certificate --key --server-name --timeout " -- "$cur")) ;;
	"/version") COMPREPLY=($(compgen -W "" -- "$cur")) ;;
	"/completion") COMPREPLY=($(compgen -W "bash zsh powershell fish " -- "$cur")) ;;
	esac
}
complete -o default -F _mcrctl mcrctl
