#!/bin/sh
# Answers a bundle with C for microcontrollers: sh answer.sh BUNDLE ANSWERS
#
#   hal corpus export bundle --suite onnx --questions --form raw
#   sh examples/offline/answer.sh bundle answers      (emx-onnx-cgen and gcc on the PATH)
#   hal judge answers --bundle bundle --target emx --sdk 1.4.0 --arithmetic fp32
bundle=$(cd "$1" && pwd) && mkdir -p "$2" && answers=$(cd "$2" && pwd) || exit 2
build=$(mktemp -d) && cd "$build" || exit 2

find "$bundle" -name model.onnx | while read -r model; do
    asked=${model%/model.onnx} given=$answers${model#"$bundle"} given=${given%/model.onnx}
    mkdir -p "$given"
    if ! { emx-onnx-cgen compile "$model" model.c --emit-testbench > log 2>&1 &&
        gcc -O1 -w model.c -lm -o model > log 2>&1; }; then
        word=failed
        no='Unsupported |only supports|must be (a )?const|requires static|_BitInt|__bf16'
        grep -Eq "$no" log && word=refused
        { echo $word; tail -n 1 log; } > "$given/status.txt"
        continue
    fi
    for data in "$asked"/test_data_set_*; do
        out=$given/${data##*/}
        mkdir -p "$out"
        ./model "$data/inputs.bin" > "$out/outputs.json" < /dev/null && continue
        code=$?
        rm "$out/outputs.json"
        if [ $code -gt 128 ]; then echo "crashed $((code - 128))"; else echo failed; fi > "$given/status.txt"
    done
done
rm -r "$build"
