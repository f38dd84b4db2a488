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
