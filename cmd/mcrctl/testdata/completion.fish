# fish completion of mcrctl; made by: mcrctl completion fish
function __mcrctl_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch "$at/$word"
            case /record
                set at /record
            case /record/get
                set at /record/get
            case /document
                set at /document
            case /document/get
                set at /document/get
            case /locate
                set at /locate
            case /consent
                set at /consent
            case /consent/push
                set at /consent/push
            case /consent/update
                set at /consent/update
            case /consent/beat
                set at /consent/beat
            case /consent/state
                set at /consent/state
            case /consent/collect
                set at /consent/collect
            case /consent/key
                set at /consent/key
            case /audit
                set at /audit
            case /audit/verify
                set at /audit/verify
            case /audit/witness
                set at /audit/witness
            case /status
                set at /status
            case /version
                set at /version
            case /completion
                set at /completion
        end
    end
    test "$at" = "$argv[1]"
end
complete -c mcrctl -n '__mcrctl_at ""' -f -a record -d 'A patient’s record'
complete -c mcrctl -n '__mcrctl_at ""' -f -a document -d 'Documents of a record'
complete -c mcrctl -n '__mcrctl_at ""' -f -a locate -d 'Ask whether the site serves a patient, without reading the record'
complete -c mcrctl -n '__mcrctl_at ""' -f -a consent -d 'Consent flags'
complete -c mcrctl -n '__mcrctl_at ""' -f -a audit -d 'An agent’s journal'
complete -c mcrctl -n '__mcrctl_at ""' -f -a status -d 'Tell how an agent and everything it depends on are'
complete -c mcrctl -n '__mcrctl_at ""' -f -a version -d 'Tell the version of mcrctl'
complete -c mcrctl -n '__mcrctl_at ""' -f -a completion -d 'Write a completion script for a shell'
complete -c mcrctl -n '__mcrctl_at ""' -l help -d 'Show context-sensitive help'
complete -c mcrctl -n '__mcrctl_at "/record"' -f -a get -d 'Read sections of a patient’s record'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l section -x -a 'demographics alerts allergies medications problems consultations hospital-activity investigations observations immunisations procedures referrals recalls appointments documents care-plans social-care contacts legal-safeguarding urgent-care-events about-me' -d 'Section to read, such as allergies or care-plans'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l from -x -d 'Leave out what certainly lies before this date, YYYY-MM-DD'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l to -x -d 'Leave out what certainly lies after this date'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l format -x -a 'text ndjson bundle json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l as -r -F -d 'YAML file with user_id, user_name, role_code, role_name, role_profile, organisation and organisation_name'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l user-id -x -d 'SDS user id, or the account in the user’s own system'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l user-name -x -d 'Name as a patient who asks who looked is told it'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l role-code -x -d 'SDS job role or RBAC code, such as R0260'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l role-name -x -d 'The role in words'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l role-profile -x -d 'SDS role profile id, if there is one'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l organisation -x -d 'ODS code of the organisation in which the user works'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l organisation-name -x -d 'Name of that organisation'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l purpose -x -a 'TREAT ETREAT BTG' -d 'TREAT: direct care'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l permission -x -a 'ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED' -d 'Outcome of asking the patient: ASKED (and agreed), PATIENT_ABSENT, EMERGENCY or NOT_ASKED'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l reason -x -d 'Why the patient was not asked; BTG needs one'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l alert-reason -x -d 'The same as a code (SCR-AlertReason)'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l request-id -x -d 'Unique id of the request; the agent makes one'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l nhs-number -x -d 'NHS number'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l nhs-number-file -r -F -d 'File whose first line is the NHS number; - is stdin'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l family-name -x -d 'Family name; the site compares it with its own'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l given-name -x -d 'First given name; needed where the date of birth is not exact'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l birth-date -x -d 'Date of birth: YYYY-MM-DD, or YYYY-MM or YYYY where no more is known'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l gender -x -d 'male, female, other or unknown; may be left out'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/record/get"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/document"' -f -a get -d 'Read one document that the record names'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l out -r -F -d 'File to write, which must not be there yet; - is stdout'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l as -r -F -d 'YAML file with user_id, user_name, role_code, role_name, role_profile, organisation and organisation_name'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l user-id -x -d 'SDS user id, or the account in the user’s own system'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l user-name -x -d 'Name as a patient who asks who looked is told it'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l role-code -x -d 'SDS job role or RBAC code, such as R0260'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l role-name -x -d 'The role in words'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l role-profile -x -d 'SDS role profile id, if there is one'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l organisation -x -d 'ODS code of the organisation in which the user works'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l organisation-name -x -d 'Name of that organisation'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l purpose -x -a 'TREAT ETREAT BTG' -d 'TREAT: direct care'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l permission -x -a 'ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED' -d 'Outcome of asking the patient: ASKED (and agreed), PATIENT_ABSENT, EMERGENCY or NOT_ASKED'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l reason -x -d 'Why the patient was not asked; BTG needs one'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l alert-reason -x -d 'The same as a code (SCR-AlertReason)'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l request-id -x -d 'Unique id of the request; the agent makes one'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l nhs-number -x -d 'NHS number'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l nhs-number-file -r -F -d 'File whose first line is the NHS number; - is stdin'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l family-name -x -d 'Family name; the site compares it with its own'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l given-name -x -d 'First given name; needed where the date of birth is not exact'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l birth-date -x -d 'Date of birth: YYYY-MM-DD, or YYYY-MM or YYYY where no more is known'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l gender -x -d 'male, female, other or unknown; may be left out'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/document/get"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l section -x -a 'demographics alerts allergies medications problems consultations hospital-activity investigations observations immunisations procedures referrals recalls appointments documents care-plans social-care contacts legal-safeguarding urgent-care-events about-me' -d 'Section to read, such as allergies or care-plans'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l format -x -a 'text json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l as -r -F -d 'YAML file with user_id, user_name, role_code, role_name, role_profile, organisation and organisation_name'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l user-id -x -d 'SDS user id, or the account in the user’s own system'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l user-name -x -d 'Name as a patient who asks who looked is told it'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l role-code -x -d 'SDS job role or RBAC code, such as R0260'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l role-name -x -d 'The role in words'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l role-profile -x -d 'SDS role profile id, if there is one'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l organisation -x -d 'ODS code of the organisation in which the user works'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l organisation-name -x -d 'Name of that organisation'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l purpose -x -a 'TREAT ETREAT BTG' -d 'TREAT: direct care'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l permission -x -a 'ASKED PATIENT_ABSENT EMERGENCY NOT_ASKED' -d 'Outcome of asking the patient: ASKED (and agreed), PATIENT_ABSENT, EMERGENCY or NOT_ASKED'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l reason -x -d 'Why the patient was not asked; BTG needs one'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l alert-reason -x -d 'The same as a code (SCR-AlertReason)'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l request-id -x -d 'Unique id of the request; the agent makes one'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l nhs-number -x -d 'NHS number'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l nhs-number-file -r -F -d 'File whose first line is the NHS number; - is stdin'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l family-name -x -d 'Family name; the site compares it with its own'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l given-name -x -d 'First given name; needed where the date of birth is not exact'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l birth-date -x -d 'Date of birth: YYYY-MM-DD, or YYYY-MM or YYYY where no more is known'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l gender -x -d 'male, female, other or unknown; may be left out'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/locate"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/consent"' -f -a push -d 'Replace the region’s consent flags at the site by those of a file'
complete -c mcrctl -n '__mcrctl_at "/consent"' -f -a update -d 'Push what a file of flags says beyond the one that was pushed before'
complete -c mcrctl -n '__mcrctl_at "/consent"' -f -a beat -d 'Say that nothing has changed, and vouch for the agent'
complete -c mcrctl -n '__mcrctl_at "/consent"' -f -a state -d 'Tell what the site’s cache of consent flags holds, in numbers'
complete -c mcrctl -n '__mcrctl_at "/consent"' -f -a collect -d 'Collect what was stated at the site'
complete -c mcrctl -n '__mcrctl_at "/consent"' -f -a key -d 'Make the key by which a region signs its pushes'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l sequence -x -d 'Number of this state of the region’s flags, greater than that of every earlier push; without it, one more than the site’s last'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l region-name -x -d 'Name of the region in the manifest; without it, the name of the signing key, or REGION'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l sign -r -F -d 'File of the region’s signing key, which consent key makes'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l as-of -x -d 'When the region knew the flags of the file to be right, such as 2026-03-01T02:00:00Z; without it, when the file was last written'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l format -x -a 'text json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/consent/push"' -l memory -r -F -d 'File that remembers what sites told, by which a site that was put back from the past is noticed; without it, consent-state.json in --region’s folder'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l since -r -F -d 'The file that was last pushed to the site'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l sequence -x -d 'Number of this state of the region’s flags, greater than that of every earlier push; without it, one more than the site’s last'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l region-name -x -d 'Name of the region in the manifest; without it, the name of the signing key, or REGION'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l sign -r -F -d 'File of the region’s signing key, which consent key makes'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l as-of -x -d 'When the region knew the flags of the file to be right, such as 2026-03-01T02:00:00Z; without it, when the file was last written'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l format -x -a 'text json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/consent/update"' -l memory -r -F -d 'File that remembers what sites told, by which a site that was put back from the past is noticed; without it, consent-state.json in --region’s folder'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l sequence -x -d 'Number of this state of the region’s flags, greater than that of every earlier push; without it, one more than the site’s last'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l region-name -x -d 'Name of the region in the manifest; without it, the name of the signing key, or REGION'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l sign -r -F -d 'File of the region’s signing key, which consent key makes'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l as-of -x -d 'Until when nothing has changed, such as 2026-03-01T02:00:00Z; without it, until now'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l format -x -a 'text json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/consent/beat"' -l memory -r -F -d 'File that remembers what sites told, by which a site that was put back from the past is noticed; without it, consent-state.json in --region’s folder'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l format -x -a 'text json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/consent/state"' -l memory -r -F -d 'File that remembers what sites told, by which a site that was put back from the past is noticed; without it, consent-state.json in --region’s folder'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l after -x -d 'The cursor that the last collection printed; 0 for everything'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l out -r -F -d 'File to write, which must not be there yet; - is stdout'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/consent/collect"' -l memory -r -F -d 'File that remembers what sites told, by which a site that was put back from the past is noticed; without it, consent-state.json in --region’s folder'
complete -c mcrctl -n '__mcrctl_at "/consent/key"' -l name -x -d 'Name of a new key, and so of the region: printable characters without spaces and plus signs; without it, mycarerecord/region/consent'
complete -c mcrctl -n '__mcrctl_at "/audit"' -f -a verify -d 'Check a file that mcr-agent audit export wrote, with public keys only'
complete -c mcrctl -n '__mcrctl_at "/audit"' -f -a witness -d 'Check that an agent’s journal still holds all it held before, and countersign it'
complete -c mcrctl -n '__mcrctl_at "/audit/verify"' -l format -x -a 'text json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/audit/verify"' -l key -x -d 'The journal’s public key'
complete -c mcrctl -n '__mcrctl_at "/audit/verify"' -l witness -x -d 'Public key of a witness'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l name -x -d 'Name of the witness in its countersignatures'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l witness-key -x -d 'File of the witness’s secret key, 64 hexadecimal digits'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l state -x -d 'File that remembers what was seen of this agent’s journal'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l show-key -d 'Only print the verifier key, which goes into journal.witnesses of the site’s agent.yaml'
complete -c mcrctl -n '__mcrctl_at "/audit/witness"' -l new-journal -d 'The site has begun a new journal and said so: forget the old one'
complete -c mcrctl -n '__mcrctl_at "/status"' -l format -x -a 'text json' -d 'text: for reading'
complete -c mcrctl -n '__mcrctl_at "/status"' -l region -r -F -d 'Folder with the files address, ca.pem, broker.crt, broker.key and, if needed, server_name'
complete -c mcrctl -n '__mcrctl_at "/status"' -l agent -x -d 'Address of the agent'
complete -c mcrctl -n '__mcrctl_at "/status"' -l ca -r -F -d 'Roots of the agent’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/status"' -l certificate -r -F -d 'The broker’s certificate, PEM'
complete -c mcrctl -n '__mcrctl_at "/status"' -l key -r -F -d 'The broker’s private key, PEM'
complete -c mcrctl -n '__mcrctl_at "/status"' -l server-name -x -d 'Name that the agent’s certificate must hold, if it is not the host of its address'
complete -c mcrctl -n '__mcrctl_at "/status"' -l timeout -x -d 'Give up after this time'
complete -c mcrctl -n '__mcrctl_at "/completion"' -f -a bash
complete -c mcrctl -n '__mcrctl_at "/completion"' -f -a zsh
complete -c mcrctl -n '__mcrctl_at "/completion"' -f -a powershell
complete -c mcrctl -n '__mcrctl_at "/completion"' -f -a fish
