# fish completion of stagedir(1)

set -l commands roots status watch verify gc flush adopt report

complete -c stagedir -f
complete -c stagedir -s h -l help -d 'Tell how to call the command'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'Print the version'

complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a roots -d 'Directories in which duplicity may stage'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a status -d 'Staging directories, and what waits for storage'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a watch -d 'Show the runs that are under way'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a verify -d 'Check staged volumes against their digests'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a gc -d 'Remove what nobody could hand off'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a flush -d 'Hand off what dead runs left'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a adopt -d 'Take over what another machine left'
complete -c stagedir -n "not __fish_seen_subcommand_from $commands" -a report -d 'Show how a run went, as a page'

complete -c stagedir -n '__fish_seen_subcommand_from roots status watch verify gc adopt' -l json -d 'One JSON object instead of a table'
complete -c stagedir -n '__fish_seen_subcommand_from gc flush adopt' -s n -l dry-run -d 'Tell what would be done, do nothing'
complete -c stagedir -n '__fish_seen_subcommand_from adopt' -s y -l yes -d 'Say that no run lives there'
complete -c stagedir -n '__fish_seen_subcommand_from status verify gc adopt' -a '(__fish_complete_directories)'
complete -c stagedir -n '__fish_seen_subcommand_from status' -l prometheus -d 'Metrics instead of a table'
complete -c stagedir -n '__fish_seen_subcommand_from report' -s o -l output -rF -d 'Write the page to this file'
