/**
 * Command lines that were made to take long: units that are cheap to write and dear to read, again and again up to the
 * longest command that is read.
 */
import { numbers } from "./numbers.ts"

const units: ReadonlyArray<string> = (
  "a|su |sudo |sudo -u a |env A=1 |env -S |nice -n 1 |eval |eval eval |xargs |xargs -I{} |find . -exec |-exec |-exec a {} + |" +
  "bash -c |sh -c 'a' |git -c alias.a=b |git |git -a |- |-a |--a=b |-o=a:b,c |a=b |A=1 |export A=$A |A=$B |alias a=b |trap a |" +
  'npx |rm |rm;|a;|a&&|a\\||! |time |( |) |{ |};|$(a)|$(|`a`|`|${a}|${|${a:-|$a |"$a"|\'a|\' |"|\\\\|\\\\\\n|\\n|# |#|<<A |<a |>a |' +
  "2>&1 |&>a |a/|/|../|./|~|*|?|[a]|{a,|{a,b}|a,b|a:b|==|a\\\\x41|\\\\n|\\\\0|$'a'|$'\\\\x|[[ a|]] |((|)) |a[$(|if |then |fi |" +
  "for a in |do |done |case a in |esac |f() { |function a |coproc |sed 1e |sed s/a/e |e|awk |\u00e9|\uE000|\u0001|@|%|{}|-{}|;|&|\\||"
)
  .split(/(?<!\\)\|/)
  .filter((unit) => unit !== "")
  .map((unit) => unit.replaceAll("\\|", "|").replaceAll("\\n", "\n").replaceAll("\\\\", "\\"))

const longest = 32 * 1024

const filled = (head: string, unit: string): string =>
  (head + unit.repeat(Math.ceil((longest - head.length) / unit.length))).slice(0, longest)

// `#` is another number each time, so that no two names are the same.
const wordsWithNames = (
  "a#|a#/b#/c#/d#|-o=a#:b#,c#@d#|--a=b#:c#|-abcdefghij#|../a#|l/../a#|$A#|a*#|'a #'|A#=a#|-C a#|a#:b#:c#:d#:e#:f#:g#:h#|rm a#|" +
  "git push#|r?m#|{a#,b#}|\\x41#|${A#:-b}|>a#|<a#|2>a#|/etc/a#|l/a#|-f"
).split("|")
const commandsWithNames = (
  "ln -s a# b#|mv a# b#|cp -r a# b#|cat a#>b#|cd d#|cd d#&&a|A#=$A@|A@=$A#;a $A#|tar xf a#|git -C a# add b#|git -C a# status|grep -r a# b#|" +
  "rm -rf a#/*|ls -R a#|x a#|x -C a# b|sed -n 1p a#|find a# -exec cat {} \\;|export PATH=a#|su a#|bash -c 'cat a#'|env -S 'a#'|" +
  "cat a# 2>&1|cat a*#|cat a#/*/b*#|for a in a#;do cat $a;done|awk '{system(a#)}' b#|ln -s a# b# && cat b#/../c#|rsync -a a# b#|" +
  "unzip a# -d b#|cat l/l/l/a#|tee a#|x>a#|(cd a#;cat b#)|jq . a#"
).split("|")

const counted = (head: string, unit: string, end: string, count: number): string => {
  let text = head
  for (let index = 0; index < count; index++) {
    const next = unit.replaceAll("#", index.toString(36)).replaceAll("@", (index + 1).toString(36)) + end
    if (text.length + next.length > longest) break
    text += next
  }
  return text
}

/** Commands that name ever new files, folders and links, as many as are looked at, and more. */
export const commandsOfNames: ReadonlyArray<string> = [
  ..."|x |cat |su |su su su |npx |ls -R |rm -rf |find |git add |git |cp -r |ln -s |tar xf a |rsync |x -C a -C b -C c -C d |cd a;cd b;cd c;cd d;x |xargs |mv "
    .split("|")
    .flatMap((head) => wordsWithNames.flatMap((unit) => [250, 1_900].map((count) => counted(head, unit, " ", count)))),
  ...["", "ln -s a b;", "cd a;cd b;cd c;cd d;"].flatMap((head) =>
    commandsWithNames.flatMap((unit) => [30, 390].map((count) => counted(head, unit, ";", count)))
  ),
  counted("git ", "-C a#", " ", 490),
  "su ".repeat(6) + "a/".repeat(16_000),
  counted("x ", `${"a#/".repeat(1_300)} `, "", 8),
  counted("x ", `${"a#,".repeat(60)}${"b".repeat(3_000)} `, "", 8)
]

/** Every unit alone, and behind some programs, then as many mixtures as asked for. */
export const worstCommands = (seed: number, mixtures: number): ReadonlyArray<string> => {
  const next = numbers(seed)
  const pick = () => units[Math.floor(next() * units.length)] ?? ""
  const heads = [
    "",
    "su ",
    "su su su su su su ",
    "npx ",
    "find . ",
    "sed '",
    "a '",
    'bash -c "',
    "git -c alias.a=",
    "env ",
    "eval "
  ]
  return [
    ...heads.flatMap((head) => units.map((unit) => filled(head, unit))),
    ...Array.from({ length: mixtures }, () =>
      filled(next() < 0.5 ? pick() : pick() + pick(), Array.from({ length: 1 + Math.floor(next() * 3) }, pick).join(""))
    )
  ]
}
