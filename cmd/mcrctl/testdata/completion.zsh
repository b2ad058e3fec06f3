#compdef mcrctl
# zsh completion of mcrctl; made by: mcrctl completion zsh
_mcrctl() {
	local prev=$words[CURRENT-1] at= word
	local -a offers
	for word in $words[2,CURRENT-1]; do
		case "$at/$word" in
		(/record) at=/record ;;
		(/record/get) at=/record/get ;;
		(/document) at=/document ;;
		(/document/get) at=/document/get ;;
		(/locate) at=/locate ;;
		(/consent) at=/consent ;;
		(/consent/push) at=/consent/push ;;
		(/consent/state) at=/consent/state ;;
		(/audit) at=/audit ;;
		(/audit/verify) at=/audit/verify ;;
		(/audit/witness) at=/audit/witness ;;
		(/status) at=/status ;;
		(/version) at=/version ;;
		(/completion) at=/completion ;;
		esac
	done
	case "$at $prev" in
	("/record/get --section") compadd -- demographics alerts allergies medications problems consultations hospital-activity investigations observations immunisations procedures referrals recalls appointments documents care-plans social-care contacts legal-safeguarding urgent-care-events about-me; return ;;
	("/record/get --from") return ;;
	("/record/get --to") return ;;
	("/record/get --format") compadd -- text ndjson bundle json; return ;;
	("/record/get --as") _files; return ;;
	("/record/get --user-id") return ;;
	("/record/get --user-name") return ;;
	("/record/get --role-code") return ;;
	("/record/get --role-name") return ;;
	("/record/get --role-profile") return ;;
	("/record/get --organisation") return ;;
	("/record/get --organisation-name") return ;;
	("/record/get --purpose") compadd -- TREAT ETREAT BTG; return ;;
	("/record/get --permission") compadd -- ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED; return ;;
	("/record/get --reason") return ;;
	("/record/get --request-id") return ;;
	("/record/get --nhs-number") return ;;
	("/record/get --nhs-number-file") _files; return ;;
	("/record/get --family-name") return ;;
	("/record/get --given-name") return ;;
	("/record/get --birth-date") return ;;
	("/record/get --gender") return ;;
	("/record/get --region") _files; return ;;
	("/record/get --agent") return ;;
	("/record/get --ca") _files; return ;;
	("/record/get --certificate") _files; return ;;
	("/record/get --key") _files; return ;;
	("/record/get --server-name") return ;;
	("/record/get --timeout") return ;;
	("/document/get --out") _files; return ;;
	("/document/get --as") _files; return ;;
	("/document/get --user-id") return ;;
	("/document/get --user-name") return ;;
	("/document/get --role-code") return ;;
	("/document/get --role-name") return ;;
	("/document/get --role-profile") return ;;
	("/document/get --organisation") return ;;
	("/document/get --organisation-name") return ;;
	("/document/get --purpose") compadd -- TREAT ETREAT BTG; return ;;
	("/document/get --permission") compadd -- ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED; return ;;
	("/document/get --reason") return ;;
	("/document/get --request-id") return ;;
	("/document/get --nhs-number") return ;;
	("/document/get --nhs-number-file") _files; return ;;
	("/document/get --family-name") return ;;
	("/document/get --given-name") return ;;
	("/document/get --birth-date") return ;;
	("/document/get --gender") return ;;
	("/document/get --region") _files; return ;;
	("/document/get --agent") return ;;
	("/document/get --ca") _files; return ;;
	("/document/get --certificate") _files; return ;;
	("/document/get --key") _files; return ;;
	("/document/get --server-name") return ;;
	("/document/get --timeout") return ;;
	("/locate --section") compadd -- demographics alerts allergies medications problems consultations hospital-activity investigations observations immunisations procedures referrals recalls appointments documents care-plans social-care contacts legal-safeguarding urgent-care-events about-me; return ;;
	("/locate --format") compadd -- text json; return ;;
	("/locate --as") _files; return ;;
	("/locate --user-id") return ;;
	("/locate --user-name") return ;;
	("/locate --role-code") return ;;
	("/locate --role-name") return ;;
	("/locate --role-profile") return ;;
	("/locate --organisation") return ;;
	("/locate --organisation-name") return ;;
	("/locate --purpose") compadd -- TREAT ETREAT BTG; return ;;
	("/locate --permission") compadd -- ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED; return ;;
	("/locate --reason") return ;;
	("/locate --request-id") return ;;
	("/locate --nhs-number") return ;;
	("/locate --nhs-number-file") _files; return ;;
	("/locate --family-name") return ;;
	("/locate --given-name") return ;;
	("/locate --birth-date") return ;;
	("/locate --gender") return ;;
	("/locate --region") _files; return ;;
	("/locate --agent") return ;;
	("/locate --ca") _files; return ;;
	("/locate --certificate") _files; return ;;
	("/locate --key") _files; return ;;
	("/locate --server-name") return ;;
	("/locate --timeout") return ;;
	("/consent/push --sequence") return ;;
	("/consent/push --as-of") return ;;
	("/consent/push --format") compadd -- text json; return ;;
	("/consent/push --region") _files; return ;;
	("/consent/push --agent") return ;;
	("/consent/push --ca") _files; return ;;
	("/consent/push --certificate") _files; return ;;
	("/consent/push --key") _files; return ;;
	("/consent/push --server-name") return ;;
	("/consent/push --timeout") return ;;
	("/consent/state --format") compadd -- text json; return ;;
	("/consent/state --region") _files; return ;;
	("/consent/state --agent") return ;;
	("/consent/state --ca") _files; return ;;
	("/consent/state --certificate") _files; return ;;
	("/consent/state --key") _files; return ;;
	("/consent/state --server-name") return ;;
	("/consent/state --timeout") return ;;
	("/audit/verify --format") compadd -- text json; return ;;
	("/audit/verify --key") return ;;
	("/audit/verify --witness") return ;;
	("/audit/witness --region") _files; return ;;
	("/audit/witness --agent") return ;;
	("/audit/witness --ca") _files; return ;;
	("/audit/witness --certificate") _files; return ;;
	("/audit/witness --key") _files; return ;;
	("/audit/witness --server-name") return ;;
	("/audit/witness --timeout") return ;;
	("/audit/witness --name") return ;;
	("/audit/witness --witness-key") return ;;
	("/audit/witness --state") return ;;
	("/status --format") compadd -- text json; return ;;
	("/status --region") _files; return ;;
	("/status --agent") return ;;
	("/status --ca") _files; return ;;
	("/status --certificate") _files; return ;;
	("/status --key") _files; return ;;
	("/status --server-name") return ;;
	("/status --timeout") return ;;
	esac
	case "$at" in
	("") offers=(record document locate consent audit status version completion --help ) ;;
	("/record") offers=(get ) ;;
	("/record/get") offers=(--section --from --to --format --as --user-id --user-name --role-code --role-name --role-profile --organisation --organisation-name --purpose --permission --reason --request-id --nhs-number --nhs-number-file --family-name --given-name --birth-date --gender --region --agent --ca --certificate --key --server-name --timeout ) ;;
	("/document") offers=(get ) ;;
	("/document/get") offers=(--out --as --user-id --user-name --role-code --role-name --role-profile --organisation --organisation-name --purpose --permission --reason --request-id --nhs-number --nhs-number-file --family-name --given-name --birth-date --gender --region --agent --ca --certificate --key --server-name --timeout ) ;;
	("/locate") offers=(--section --format --as --user-id --user-name --role-code --role-name --role-profile --organisation --organisation-name --purpose --permission --reason --request-id --nhs-number --nhs-number-file --family-name --given-name --birth-date --gender --region --agent --ca --certificate --key --server-name --timeout ) ;;
	("/consent") offers=(push state ) ;;
	("/consent/push") offers=(--sequence --as-of --format --region --agent --ca --certificate --key --server-name --timeout ) ;;
	("/consent/state") offers=(--format --region --agent --ca --certificate --key --server-name --timeout ) ;;
	("/audit") offers=(verify witness ) ;;
	("/audit/verify") offers=(--format --key --witness ) ;;
	("/audit/witness") offers=(--region --agent --ca --certificate --key --server-name --timeout --name --witness-key --state --show-key --new-journal ) ;;
	("/status") offers=(--format --region --agent --ca --certificate --key --server-name --timeout ) ;;
	("/version") offers=() ;;
	("/completion") offers=(bash zsh powershell fish ) ;;
	esac
	compadd -- $offers || _files
}
compdef _mcrctl mcrctl
