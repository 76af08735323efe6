import { Argument, type Command } from 'commander';

export function completionCommand(program: Command): void {
  program
    .command('completion')
    .summary('print a completion script for your shell')
    .description('Prints a completion script for bash, zsh or fish.')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(relocate completion bash)\n  relocate completion zsh > "${fpath[1]}/_relocate"\n' +
        '  relocate completion fish > ~/.config/fish/completions/relocate.fish\n',
    )
    .action((shell: 'bash' | 'zsh' | 'fish') => {
      const words = wordsOf(program);
      process.stdout.write({ bash, zsh, fish }[shell](words));
    });
}

/** What can be typed: after nothing (''), and after each command ('snapshot', 'key add'). */
type Words = Map<string, { word: string; help: string }[]>;

export function wordsOf(program: Command): Words {
  const words: Words = new Map();
  const visit = (command: Command, path: string) => {
    const options = command === program ? command.options : [...command.options, ...program.options];
    words.set(path, [
      ...command.commands.map((child) => ({
        word: child.name(),
        help: child.summary() || child.description(),
      })),
      ...options.flatMap((option) =>
        option.long === undefined ? [] : [{ word: option.long, help: option.description }],
      ),
    ]);
    for (const child of command.commands)
      visit(child, path === '' ? child.name() : `${path} ${child.name()}`);
  };
  visit(program, '');
  return words;
}

/** Shared by bash and zsh: the command typed so far is the words up to here that are no options. */
function bash(words: Words): string {
  const cases = [...words].map(
    ([path, choices]) => `    '${path}') choices='${choices.map((choice) => choice.word).join(' ')}' ;;`,
  );
  return `# bash completion for relocate
_relocate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' word choices=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case "$path" in
${cases.map((line) => `  ${line}`).join('\n')}
    esac
    if [ -n "$choices" ] || [ -z "$path" ]; then break; fi
    case "$path" in *' '*) path="\${path% *}" ;; *) path='' ;; esac
  done
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
  if [ "\${#COMPREPLY[@]}" -eq 0 ]; then mapfile -t COMPREPLY < <(compgen -f -- "$current"); fi
}
complete -o filenames -F _relocate relocate
`;
}

function escapeZsh(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/[\\:'[\]]/g, (mark) => (mark === "'" ? '’' : `\\${mark}`));
}

function zsh(words: Words): string {
  const cases = [...words].map(
    ([path, choices]) =>
      `      '${path}') choices=(${choices.map((choice) => `'${choice.word}:${escapeZsh(choice.help)}'`).join(' ')}) ;;`,
  );
  return `#compdef relocate
_relocate() {
  local -a choices
  local path_so_far='' word
  for word in "\${words[@]:1:$((CURRENT - 2))}"; do
    case "$word" in -*) ;; *) path_so_far="\${path_so_far:+$path_so_far }$word" ;; esac
  done
  while :; do
    case "$path_so_far" in
${cases.join('\n')}
    esac
    if (( \${#choices} )) || [[ -z "$path_so_far" ]]; then break; fi
    if [[ "$path_so_far" == *' '* ]]; then path_so_far="\${path_so_far% *}"; else path_so_far=''; fi
  done
  _describe 'relocate' choices || _files
}
if [ "$funcstack[1]" = "_relocate" ]; then _relocate "$@"; else compdef _relocate relocate; fi
`;
}

function quoteFish(text: string): string {
  return `'${(text.split('\n')[0] ?? '').replace(/[\\']/g, String.raw`\$&`)}'`;
}

function fish(words: Words): string {
  const lines = [...words].flatMap(([path, choices]) => {
    const seen = path.split(' ').filter((word) => word !== '');
    const condition =
      seen.length === 0
        ? '__fish_use_subcommand'
        : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    return choices.map(({ word, help }) =>
      word.startsWith('--')
        ? `complete -c relocate -n ${quoteFish(condition)} -l ${word.slice(2)} -d ${quoteFish(help)}`
        : `complete -c relocate -f -n ${quoteFish(condition)} -a ${word} -d ${quoteFish(help)}`,
    );
  });
  return `# fish completion for relocate\n${lines.join('\n')}\n`;
}
