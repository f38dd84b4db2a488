import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"

const plain = ["a", "b", "ls", "rm", " ", " ", " ", " ", "\n", ";", "|", "'a b'", '"c"', "&&", "||", "-x", "(", ")"]

const strange = (
  "~ # $ ` \\ ' \" { } * ? ! = : ^ % @ + . , < > & -- --x=y {} ;; |& >> >& <& << <<< >| 2> 2 A= A=1 A+=1 A[0]=1 fi else done " +
  'esac @( f() $\' $" ${x} $x $(( )) {a,b} {1..2} <<E &> {fd}> 2>&1 \\\' \\" \\$ \'\' "" "\\"" "\\n" "$" HEAD~1 a#b'
)
  .split(" ")
  .concat("\t\n\r\v\f\u00a0é\u2028\u0001\u007f\u001b".split(""))
  .concat(
    "\\\n",
    " #",
    "\\ ",
    "! ",
    "time ",
    "if ",
    "then ",
    "do ",
    "case ",
    "in ",
    "function ",
    "coproc ",
    "[[ ",
    " ]]",
    "{ ",
    "; }"
  )
  .concat("\nE\n", "> o", "< /dev/null", "eval ", "cd x", "export A=1", "alias a=b", "set -e")

const piece = Arbitrary.schema(Schema.Literals([...plain, ...plain, ...plain, ...plain, ...plain, ...strange]))

/** Text that is often a script and seldom a sensible one. */
export const script: Arbitrary.Arbitrary<string> = Arbitrary.map(
  Arbitrary.array(piece, { minLength: 1, maxLength: 14 }),
  (pieces) => pieces.join("")
)
