package strictyaml
import ("testing";"fmt";"strings";"time";"github.com/goccy/go-yaml/lexer";"github.com/goccy/go-yaml/parser";"github.com/goccy/go-yaml")
func TestProbe(t *testing.T){
 for _, n := range []int{1<<16,1<<18, 1<<20} {
  for name, unit := range map[string]string{"[":"[","list":"- some text here\n","map":"", "dash":"- ", "x":"x", "q":"\"", "colon":"a: ", "amp":"&a ","bang":"! ", "pipe":"|\n", "quest":"? ", "nl":"\n", "sp":" ","cr":"\r","tab":"\t","brace":"{","hash":"#","comma":"[,"} {
   s := strings.Repeat(unit, n/max(1,len(unit)))
   if name=="map" { var b strings.Builder; for i:=0;b.Len()<n;i++ { fmt.Fprintf(&b,"key%d: value\n",i)}; s=b.String() }
   t0:=time.Now()
   toks := lexer.Tokenize(s)
   if d:=time.Since(t0); d > 200*time.Millisecond { fmt.Println("lex",name,n,len(toks),d) }
  }
 }
 for _, n := range []int{1<<16,1<<18,1<<20} {
   var b strings.Builder; for i:=0;b.Len()<n;i++ { fmt.Fprintf(&b,"key%d: value\n",i)}
   for name, s := range map[string]string{"map":b.String(),"list":strings.Repeat("- some text here\n",n/17), "flow": "["+strings.Repeat("a,",n/2)+"a]"} {
   t0:=time.Now(); _, err := parser.ParseBytes([]byte(s),0)
   t1:=time.Now(); var a any; err2 := yaml.Unmarshal([]byte(s),&a)
   fmt.Println("parse",name,n,t1.Sub(t0),time.Since(t1),err,err2)
   }
 }
 var m map[string]string
 fmt.Println(yaml.Unmarshal([]byte("a: 012345678901\nb: 0x10\nc: 1_000\nd: 1e3\ne: 010\nf: 1.50\ng: True\nh: .inf\ni: 111122223333\nj: -0\nk: 2025-09-09\nl: +3\nm: 0b11\n"),&m), m)
}
